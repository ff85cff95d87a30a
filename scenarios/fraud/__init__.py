"""Fraud: which card payments are not the card holder's own, and what to do about each."""
