"""The operator's page: streams, versions, dead letters, quality, and the jobs that it starts."""
