"""One run of one system each: at full speed, under a steady load, through a kill or a surge."""
