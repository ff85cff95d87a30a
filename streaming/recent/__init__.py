"""States that were just written, in memory that a machine's workers share."""
