"""Archived and live records as frames and batches."""
