"""Training sets from the archive: features as they were, outcomes as known, snapshots."""
