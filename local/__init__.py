"""The embedded local platform: Kafka and HBase with its Thrift gateway as child processes."""
