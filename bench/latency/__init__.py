"""From an event to its readable row: the stream beside a plain consumer loop, in turn."""
