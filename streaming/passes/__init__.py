"""What every pass over a batch does, whichever features it folds."""
