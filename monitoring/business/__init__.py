"""What predictions bring: the effect of actions, and figures in money, with intervals."""
