"""What a run shows to others: its rows in HBase, its messages, its CPU and memory."""
