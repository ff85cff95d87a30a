"""How a scenario stands: progress, freshness and deployment, for jobs that show them."""
