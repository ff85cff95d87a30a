"""Logged predictions of whole periods beside what became of them, read from the archive."""
