"""What a pass writes: predictions and dead letters as JSON messages."""
