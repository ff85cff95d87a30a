"""Proofs on a fresh platform: all can be computed again, and no record stops the stream."""
