"""The stream under harmful records: kinds, load, and the disposition of every record."""
