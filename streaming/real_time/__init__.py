"""The pass in Spark's real-time mode: frames of a few events instead of micro-batches."""
