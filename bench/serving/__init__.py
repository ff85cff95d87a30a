"""Reads and scores of the web service under load, beside raw reads of HBase."""
