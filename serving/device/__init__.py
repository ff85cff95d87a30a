"""Scores in the browser, offline: what the device gets, its page, and the records that it sends."""
