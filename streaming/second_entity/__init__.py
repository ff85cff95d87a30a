"""The derived stream of a second entity: re-keying and its feature pass."""
