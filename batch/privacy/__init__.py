"""Erasing entities from tables, cells, reports and logs."""
