"""Comparing a challenger or a shadow with the champion on live traffic, at any time."""
