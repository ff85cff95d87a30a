"""Looking at the running stream: its counts, delays, and latest predictions."""
