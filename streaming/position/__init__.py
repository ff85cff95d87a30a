"""Where a stream stands: epochs, checkpoints, what Kafka still holds, and refusals to go on."""
