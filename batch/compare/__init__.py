"""What differs between two model versions: data, code, metrics, decisions."""
