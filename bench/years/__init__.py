"""Years of churn and fraud on paper, with planted events, and what notices them."""
