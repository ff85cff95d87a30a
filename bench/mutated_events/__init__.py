"""Mutated events through every reader: whether they agree, to the bit."""
