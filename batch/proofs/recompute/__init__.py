"""What audits and parity share: logged predictions read back and recomputed."""
