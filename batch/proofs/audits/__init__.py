"""Audits: the whole story of one prediction, recomputed from the archive."""
