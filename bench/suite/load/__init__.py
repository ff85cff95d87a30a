"""The events that all systems read: when, of whom, with which values, and onto the topic."""
