"""The web service and the pages of the people who use scores."""
