"""Which cases people review, and what they decide."""
