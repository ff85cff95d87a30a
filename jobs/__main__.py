"""`python -m jobs`: what spark-submit.sh runs."""

import sys

try:
    from jobs.launcher.launch import main
except ModuleNotFoundError as error:
    sys.exit(f"error: {sys.executable} has no module {error.name!r}: run `make setup`")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
