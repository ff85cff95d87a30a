"""Work over stored events as a whole: publishing, training sets, training."""
