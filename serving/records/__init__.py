"""Records about a scenario over HTTP: outcomes, dead letters, deployments, quality, its jobs."""
