"""How good scores are, and the thresholds that follow."""
