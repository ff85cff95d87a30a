"""Jobs: one file per job, with its arguments, wiring and exit code; started by spark-submit.sh."""
