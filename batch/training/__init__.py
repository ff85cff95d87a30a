"""Training, tuning, registering and deploying a model."""
