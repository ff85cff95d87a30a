"""Records that people and devices post about predictions."""
