"""X-rays as published: studies and findings, image files, and images that must be refused."""
