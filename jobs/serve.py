"""Serve scores: the web service and the pages of agents, reviewers and operators.

Whoever calls needs a key: make one with --new-key NAME --role ROLE; it is printed once, and only
its digest is stored. The service ends at SIGTERM, after the requests that are under way.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Annotated

import uvicorn
from typer import Option

from jobs.launcher.run import Run, job_run, scenario_named
from jobs.options.shared import EnvOption, SetOption, VerboseOption, job_app, set_options
from jobs.wiring.serving.service import serving_of
from local.maven.web_scripts import web_scripts
from local.servers.platform import Platform, up
from serving.access.keys import KeysUnusable, add_key, new_key, read_keys
from serving.access.roles import Role
from serving.access.slow_clients import patient_protocol
from serving.app import create_app
from serving.parts import Worker

SPARK = False
_BACKLOG = 2048
_LAST_REQUESTS_SECONDS = 5


class AddressTaken(OSError):
    """The service cannot listen there; the message says where, and what to set."""

    exit_code = 3


def main(
    scenarios: Annotated[
        list[str] | None,
        Option("--scenario", help="Serve only this one; may be repeated. Default: all in conf/."),
    ] = None,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    port: Annotated[
        int | None, Option(min=0, max=65535, help="Instead of serving.port; 0 = a free one.")
    ] = None,
    key_name: Annotated[
        str | None,
        Option("--new-key", metavar="NAME", help="Make a key for NAME, print it, and end."),
    ] = None,
    roles: Annotated[
        list[Role] | None, Option("--role", help="Of the new key; may be repeated.")
    ] = None,
    desk: Annotated[
        bool,
        Option("--desk", help="Start the local platform, and make a first key with all roles."),
    ] = False,
) -> None:
    first = scenarios[0] if scenarios else "churn"
    if key_name is not None or desk:
        with job_run(scenario=first, env=env, overrides=overrides, verbose=verbose) as run:
            if key_name is not None:
                print(_made_key(run, key_name, roles or []))
                return
            if run.settings.platform.run_dir is not None:
                up(Platform(run.settings.platform.run_dir), console=run.console)
    with job_run(
        scenario=first, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        first_key = _first_key(run) if desk else None
        names = scenarios or sorted(run.settings.scenarios)
        serving = serving_of(
            run.settings,
            {name: scenario_named(run.settings, name) for name in names},
            scripts=web_scripts(console=run.console),
            log=run.log,
            access_log=_to_stderr,
            child_options=["--env", env, *set_options(overrides)],
        )
        serving_settings = run.settings.serving
        chosen_port = serving_settings.port if port is None else port
        with _listening(serving_settings.host, chosen_port) as listener:
            host, actual_port = listener.getsockname()[:2]
            shown_host = f"[{host}]" if ":" in host else host
            print(f"http://{shown_host}:{actual_port}/desk", flush=True)
            if first_key is not None:
                print(f"key of the desk, shown this once: {first_key}", flush=True)
            config = uvicorn.Config(
                create_app(serving),
                http=patient_protocol(serving_settings.body_seconds),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                limit_concurrency=serving_settings.connections,
                timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
            )
            with _running(serving.workers):
                uvicorn.Server(config).run(sockets=[listener])


def _made_key(run: Run, name: str, roles: list[Role]) -> str:
    path = run.settings.serving.keys_file
    if path is None:
        raise KeysUnusable("serving.keys_file is not set, so there is nowhere to store a key")
    key, text = new_key(name, roles)
    add_key(path, key, now=datetime.now(UTC))
    run.console.print(f"key {key.id} of {name} is stored in {path}; it is shown this once:")
    return text


def _first_key(run: Run) -> str | None:
    """A key with all roles, when there is none yet."""
    path = run.settings.serving.keys_file
    return _made_key(run, "desk", list(Role)) if path is not None and not read_keys(path) else None


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise AddressTaken(
            f"cannot listen on {host}:{port} ({error.strerror}): name another by --port, or 0 for "
            "a free one"
        ) from error


@contextmanager
def _running(workers: Sequence[Worker]) -> Iterator[None]:
    """All workers run inside the block, and have ended after it."""
    with ExitStack() as stack:
        for worker in workers:
            worker.start()
            stack.callback(worker.stop)
        yield


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


app = job_app(main, doc=__doc__, example="./spark-submit.sh serve --scenario churn --port 0")
