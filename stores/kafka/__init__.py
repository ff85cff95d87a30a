"""Kafka: the cluster, topics as they must be, the producer, and what readers may see."""
