"""The demo: its steps, one customer's story and the summary."""
