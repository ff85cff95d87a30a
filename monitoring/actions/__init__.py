"""Carrying out what a rule decided, once, with a record of each step."""
