"""Profiles of training snapshots, and drift between two of them."""
