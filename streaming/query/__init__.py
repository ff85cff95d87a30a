"""A running query: start, supervision, heartbeat, orderly stop."""
