"""Delta tables and the files beside them."""
