"""The scoring pass: Kafka records in, predictions and dead letters out, HBase in between."""
