"""Attachments of events over HTTP: their contents, and what in them moved a score."""
