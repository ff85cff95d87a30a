"""Who may call what, and what protects the service."""
