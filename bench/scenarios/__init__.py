"""Scenarios that exist for measuring alone."""
