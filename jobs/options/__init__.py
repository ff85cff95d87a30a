"""Options of the command line, and what people type read into values."""
