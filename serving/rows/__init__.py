"""Resources about one scenario's rows: latest, history, outcomes, dead letters, deployments."""
