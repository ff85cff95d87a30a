"""What is fitted, and how."""
