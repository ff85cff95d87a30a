"""What surrounds a job: finding it, its settings, services, signals and its exit code."""
