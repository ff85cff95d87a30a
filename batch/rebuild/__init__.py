"""States and rows made from the archive again."""
