"""Dead letters published again, each once."""
