"""The settings in the words of the web service, a module per part of it."""
