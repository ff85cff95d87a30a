"""Knowing how good the running models are, and acting: labels, quality, drift, rules, alerts."""
