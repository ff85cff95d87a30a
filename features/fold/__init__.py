"""States and events to features and states: the one place where features come from."""
