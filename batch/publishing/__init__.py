"""Events to Kafka: which, in what order, at what rate, how disturbed."""
