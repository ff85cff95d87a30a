"""What the engine asks of a scenario, and how a case is judged."""
