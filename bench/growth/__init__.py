"""What an event costs as the number of known customers and of partitions grows."""
