"""Ending an epoch and beginning the next."""
