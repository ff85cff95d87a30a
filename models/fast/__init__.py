"""Boosted trees scored by compiled code, equal to scikit-learn's to the bit."""
