"""Checks that a version must pass before promotion; pure functions over arrays."""
