"""Quality of predictions whose labels are known, with intervals."""
