"""Jars from Maven, checked against the list of their SHA-256."""
