"""Scenarios for benchmarks only."""
