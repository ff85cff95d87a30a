"""What every job does around its work: settings, scenario, services, exit code."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from rich.console import Console

from conf.describe import describe
from conf.masking import masked
from conf.settings import Settings, load_settings
from jobs.launcher.endpoints import resolve_endpoints
from jobs.launcher.outcome import ending_with_exit_code
from jobs.launcher.services import require_hbase, require_kafka
from jobs.launcher.start_clock import StartClock
from local.run_folder import make_private, private_files
from reports.terminal import Terminal, VisibleFormatter, one_line
from scenarios.contract.scenario import Scenario, UnknownScenario, load_scenario

Service = Literal["kafka", "hbase"]

# Like the job's own lines: in UTC, with a Z.
_LOG_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s"
_LOG_TIME = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class Run:
    """What a job's work gets; `console` writes to stderr, so stdout stays the job's result.

    clock: the steps of the start so far
    """

    settings: Settings
    scenario: Scenario
    console: Console
    clock: StartClock = field(default_factory=StartClock)

    def log(self, text: str) -> None:
        """Print one record with the time in UTC, never wrapped: logs are searched by line.

        Further lines of `text` are indented, so that nothing in it looks like another record.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.console.print(f"{now} {one_line(text)}", highlight=False, soft_wrap=True)


@contextmanager
def job_run(
    *,
    scenario: str,
    env: str,
    overrides: Sequence[str] | None = None,
    verbose: bool = False,
    needs: Sequence[Service] = (),
    folds_events: bool = False,
) -> Iterator[Run]:
    """Load and print the settings, check that the services in `needs` answer, then do the work.

    Inside the block known errors become one line and their exit code (jobs/launcher/outcome.py),
    SIGTERM and SIGINT raise `jobs.launcher.signals.Stopped`, a SystemExit, in the main thread.
    With `needs` the settings' addresses are filled in from the local platform. `folds_events`: the
    job reads archived events, which needs HBase where these have attachments.
    """
    clock = StartClock()
    clock.note("imports")
    console = Terminal(stderr=True)
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(VisibleFormatter(_LOG_FORMAT, _LOG_TIME))
        if not verbose:
            handler.addFilter(_is_not_of_py4j)
    if not verbose:
        logging.getLogger("kafka").setLevel(logging.ERROR)  # it warns of its own event loop
    with ExitStack() as stack:
        stack.enter_context(ending_with_exit_code(console, verbose=verbose))
        settings = load_settings(env, overrides=overrides or ())
        if (run_dir := settings.platform.run_dir) is not None:
            make_private(run_dir, log=console.print)
            stack.enter_context(private_files())
        loaded_scenario = scenario_named(settings, scenario)
        if folds_events and loaded_scenario.schema.attachments:
            needs = (*needs, "hbase")
        if needs:
            settings = resolve_endpoints(settings)
        _print_settings(console, settings, title=f"{scenario} in {env}", full=verbose)
        if "kafka" in needs:
            require_kafka(settings.kafka)
        if "hbase" in needs:
            require_hbase(settings.hbase)
        clock.note("services")
        try:
            yield Run(settings=settings, scenario=loaded_scenario, console=console, clock=clock)
        except Exception as error:
            # Stores know no scenario, and a command without it would not work.
            for_stream = getattr(error, "for_stream", None)
            if for_stream is None:
                raise
            raise for_stream(scenario) from error


def _is_not_of_py4j(record: logging.LogRecord) -> bool:
    """py4j also logs what it raises, at each call to a dead JVM; its logger has another name."""
    return "/py4j/" not in record.pathname


def scenario_named(settings: Settings, name: str) -> Scenario:
    """The scenario that the settings know under `name`; raises UnknownScenario."""
    if name not in settings.scenarios:
        names = ", ".join(sorted(settings.scenarios))
        raise UnknownScenario(f"there is no scenario {name!r} in the settings; known: {names}")
    return load_scenario(name, settings.scenarios[name])


def _print_settings(console: Console, settings: Settings, *, title: str, full: bool) -> None:
    """All settings in full; otherwise one line of addresses."""
    if full:
        console.print(f"settings of {title}:\n{describe(settings)}", markup=False, highlight=False)
        return
    hbase = settings.hbase
    addresses = {
        "kafka": settings.kafka.bootstrap_servers,
        "hbase": f"{hbase.thrift_host}:{hbase.thrift_port}" if hbase.thrift_host else "",
        "spark": settings.spark.master,
        "mlflow": masked("mlflow.tracking_uri", settings.mlflow.tracking_uri),
    }
    parts = ", ".join(f"{name} {value}" for name, value in addresses.items() if value)
    console.print(f"{title}: {parts}", markup=False, highlight=False, soft_wrap=True)
