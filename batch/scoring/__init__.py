"""Scoring of every stored state at once: from HBase to Delta to HBase."""
