"""Kafka, HBase and its gateway as processes of this machine."""
