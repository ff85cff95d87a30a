"""Compiled reading of events in the usual shape."""
