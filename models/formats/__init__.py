"""How a model version is stored and loaded."""
