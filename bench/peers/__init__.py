"""The systems that Everscore is measured against; each runs in an environment of its own."""
