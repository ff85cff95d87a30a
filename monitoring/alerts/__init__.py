"""Alerts: sent once per subject, by webhook and mail, and resolved when over."""
