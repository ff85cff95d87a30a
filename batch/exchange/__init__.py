"""Models that come from, and go to, other software."""
