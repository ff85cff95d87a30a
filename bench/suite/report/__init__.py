"""Results as a file, as ratios with their aims, as a Markdown page and as charts."""
