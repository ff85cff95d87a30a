"""The quality page of a scenario."""
