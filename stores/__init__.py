"""What Everscore keeps in HBase and how it is read back: one idea per module."""
