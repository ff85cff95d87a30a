"""The life of a model version: gates, promotion, comparison, rollback, retirement, history."""
