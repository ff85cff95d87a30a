"""Features of the whole payments file: our fold beside the Handbook's pandas windows."""
