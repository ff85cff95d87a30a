"""Scores by the protocols of others: Open Inference Protocol v2, and MLflow's."""
