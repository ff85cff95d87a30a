"""Watching a running stream from outside: counts, rates, latency as a reader meets it."""
