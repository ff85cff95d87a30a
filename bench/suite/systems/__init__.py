"""The systems that are compared, and the ground and the place that each is started on."""
