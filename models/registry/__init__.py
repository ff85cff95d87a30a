"""Runs and versions in MLflow, and their files on this machine."""
