"""From event bytes to feature vectors; the same code runs in a stream and over a snapshot."""
