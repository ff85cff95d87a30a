"""What simulators share: records, bad events, labelled history."""
