"""Proofs on a fresh platform that predictions, models and the store can be recreated."""
