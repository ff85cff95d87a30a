"""Events from Kafka records to typed columns, and the rules that refuse one."""
