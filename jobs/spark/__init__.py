"""Starting Spark: its session, properties and Java, and the code that executors get."""
