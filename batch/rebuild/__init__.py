"""States and rows rebuilt from the archive."""
