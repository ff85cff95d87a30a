"""Churn: which telephone customers are about to leave, and what to do about each."""
