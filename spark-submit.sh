#!/usr/bin/env bash
# Run a job: ./spark-submit.sh JOB [OPTIONS]; without arguments, list the jobs.
# The interpreter is $EVERSCORE_PYTHON, else the one of `make setup`, else python3.11.
set -euo pipefail

checkout=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)

if [[ $checkout == *[:$'\n']* ]]; then
    echo "error: the checkout's path holds a colon or a line break, which ends a path for Python" \
        "and Java; move it: $checkout" >&2
    exit 2
fi

if [[ -n "${EVERSCORE_PYTHON:-}" ]]; then
    python=$EVERSCORE_PYTHON
elif [[ -x "$checkout/.venv/bin/python" ]]; then
    python=$checkout/.venv/bin/python
else
    python=python3.11
fi
if ! command -v -- "$python" >/dev/null; then
    echo "error: $python is not there: run \`make setup\`, or set EVERSCORE_PYTHON" >&2
    exit 2
fi

# One thread for each model: Spark counts on one core per task, and on busy cores several threads of
# OpenMP wait for each other in a spin (a training of 1 s took 19 s).
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export PYTHONPATH=$checkout${PYTHONPATH:+:$PYTHONPATH}
exec "$python" -P -m jobs "$@"
