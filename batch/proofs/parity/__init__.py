"""Parity: logged features, scores and decisions against those of the archive."""
