"""Parts of the cases in which predictions are worse than elsewhere."""
