"""What Everscore stores in HBase, Delta and Kafka, and how it is read: one idea per module."""
