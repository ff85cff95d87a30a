"""Years of a scenario on paper: periods with planted events, for measurements and for the demo."""
