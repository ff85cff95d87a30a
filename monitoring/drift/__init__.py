"""Which data of a period differ from before, with thresholds from resampled quiet weeks."""
