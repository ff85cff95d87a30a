"""Proofs from the archive: outcomes, parity, audits, skew."""
