"""The archive: Kafka's records in Delta tables, each exactly once."""
