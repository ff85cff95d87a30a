"""The steps of the demo, each a real job, and what is shown of them."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.live import Live

from jobs.demonstration.agent_view import AgentView
from jobs.demonstration.customer import CustomerStory
from jobs.demonstration.model_life import GATES_FAILED, ModelLifeStory, refusal_in
from jobs.demonstration.quarter import write_quarter_page
from jobs.demonstration.review_story import ReviewStory
from jobs.demonstration.summary import Figures, Memory, show_summary
from jobs.launcher.child_jobs import ChildFailed, ChildJob, start_child
from jobs.launcher.run import Run
from jobs.spark.shared_jvm import shared_jvm
from jobs.status.scored import wait_until_scored
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.monitoring import declared_rules
from jobs.wiring.streaming import kafka_cluster
from monitoring.live.counts import TopicCounter
from monitoring.live.latency_probe import LatencyProbe
from monitoring.live.live_view import LiveView
from reports.steps import timed_step
from stores.hbase.predictions import Prediction

_READY = "scoring "
_START_SECONDS = 300.0  # of a Java and its imports, on cores that others use as well
_CATCH_UP_SECONDS = 300.0


def _nothing() -> None:
    """What happens beside the live view of a scenario without a story."""


@dataclass
class Demo:
    """Plays the demo; `options` go to every job."""

    run: Run
    options: list[str]
    rate: float
    duration: float
    bad_share: float
    _began: float = field(default_factory=time.monotonic)
    _environ: Mapping[str, str] = field(default_factory=dict)
    _children: list[ChildJob] = field(default_factory=list)

    def play(self) -> None:
        """All steps in order; whatever was started is stopped at the end or on a failure."""
        console = self.run.console
        with ExitStack() as started:
            with self._doing("starting Java for the steps"):
                jvm = shared_jvm(self.run.settings, log=self._logs / "spark.log")
                self._environ = started.enter_context(jvm)
            self._step("creating topics and tables", "prepare_scenario")
            self._step("publishing the history", "publish_events")
            self._step("archiving it in Delta tables", "archive_stream", "--once")
            self._step("building a training snapshot", "build_training_set")
            self._step("training a model on it and deploying it", "train_model", "--promote")
            stream = self._start("score_stream")
            started.callback(stream.stop)
            # Churn's second version is known to pass its gates; another scenario's may be refused.
            is_churn = self.run.scenario.name == "churn"
            versions = ModelLifeStory(self.run, self._step, self._step_beside)
            if is_churn:
                versions.shadow()
            with self._doing("starting the stream"):
                stream.wait_for(_READY, timeout_seconds=_START_SECONDS)
            with self._doing("scoring the history"):
                self._wait_until_scored(stream)
            probe = started.enter_context(self._probe())
            self._watch_follow_ups(stream, probe, versions.promote if is_churn else _nothing)
            if is_churn:
                versions.show()
                CustomerStory(self.run).show()
            with self._doing("waiting until everything is scored"):
                self._wait_until_scored(stream)
            figures = Figures.read(self.run, probe)
            with self._doing("stopping the stream"):
                stream.stop()
            with self._doing("reconciling every offset"):
                reconciled = self._start("reconcile").finish()
            beside = started.enter_context(ThreadPoolExecutor(1))
            quarter = beside.submit(self._quarter_page) if is_churn else None
            is_reviewed = self.run.scenario.review.reviews_refused
            page_lines = self._review() if is_reviewed else []
            memory = self._remember(figures.example)
            if not is_reviewed:
                page_lines = self._agent_page(figures.example)
            page = ""
            if quarter is not None:
                with self._doing("monitoring a simulated quarter, in which the model gets worse"):
                    page = f"{quarter.result()}"
        seconds = time.monotonic() - self._began
        show_summary(self.run, figures, reconciled, memory, seconds=seconds)
        if page:
            line = f"quality page of a simulated quarter: {page}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        console.print(f"logs of the steps: {self._logs}", markup=False, highlight=False)
        for line in page_lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _remember(self, example: Prediction | None) -> Memory:
        """Archive the stream's outcome, then reproduce the model and one prediction from it."""
        self._step("archiving events and predictions", "archive_stream", "--once")
        retrained = self._step("training the champion again from its record", "retrain")
        audited = ""
        if example is not None:
            prediction = example.prediction_id
            audited = self._step(f"auditing {prediction}", "audit", f"--prediction={prediction}")
        return Memory.read(self._logs, retrained=retrained, audited=audited)

    def _review(self) -> list[str]:
        """Review by the web service, then a version that has learnt from it; the lines to show."""
        run_dir, name = self.run.settings.platform.run_dir, self.run.scenario.name
        if run_dir is None:
            return []
        with self._doing("starting the web service and deciding two of the cases for review"):
            view = AgentView.start(self.run, self.options, run_dir=run_dir)
            story = ReviewStory(view, self.run.scenario)
            decisions = story.decide()
        self._step(
            "archiving predictions, findings and review decisions", "archive_stream", "--once"
        )
        self._step("building a training snapshot with them", "build_training_set")
        # Whether it is good enough, its gates say; the demo shows what they said.
        output = self._step(
            "training a second version on it, for its gates to judge",
            "train_model",
            "--promote",
            allowed=(0, GATES_FAILED),
        )
        with self._doing("storing the review page with a case"):
            address, picture = story.picture(self.run.settings.reports.folder / name)
        return [
            *(f"review decision: {line}" for line in decisions),
            refusal_in(output) or "the version that has learnt from it was promoted",
            f"review page: {address}",
            f"  log in with the key {view.key}",
            f"  a picture of it: {picture}",
        ]

    def _agent_page(self, example: Prediction | None) -> list[str]:
        """Start the web service, which goes on until `make down`; the lines that lead to it."""
        run_dir, name = self.run.settings.platform.run_dir, self.run.scenario.name
        if run_dir is None or example is None:
            return []
        with self._doing("starting the web service and storing one of its pages"):
            view = AgentView.start(self.run, self.options, run_dir=run_dir)
            folder = self.run.settings.reports.folder / name
            picture = view.picture(name, example.entity, folder)
        return [
            f"agent page: {view.page(name, example.entity)}",
            f"  log in with the key {view.key}",
            f"  a picture of it: {picture}",
        ]

    def _quarter_page(self) -> Path:
        """How monitoring looks once labels have arrived, which takes weeks."""
        settings = self.run.settings
        return write_quarter_page(
            settings.reports.folder / self.run.scenario.name / "simulated",
            declared_rules(settings, self.run.scenario.name),
            failing_periods=settings.monitoring.failing_periods,
        )

    def _step(self, words: str, job: str, *more: str, allowed: Collection[int] = (0,)) -> str:
        with self._doing(words):
            child = self._start(job, *more)
            try:
                return child.finish(allowed=allowed)
            finally:
                child.stop()

    def _step_beside(self, words: str, job: str, *more: str, code: int = 0) -> str:
        """A step beside the live view; raises `ChildFailed` unless it ends with `code`."""
        began = time.monotonic()
        child = self._start(job, *more)
        try:
            if child.process.wait() != code:
                child.check()
                raise ChildFailed(f"{job} ended with 0, expected {code}; its log is {child.log}")
        finally:
            child.stop()
        seconds = time.monotonic() - began
        self.run.console.print(f"✔ {words} ({seconds:.0f} s)", highlight=False)
        return child.output()

    def _start(self, job: str, *more: str) -> ChildJob:
        log = self._logs / f"{job}.log"
        child = start_child([job, *self.options, *more], log=log, environ=self._environ)
        self._children.append(child)
        return child

    def _stop_children(self) -> None:
        for child in reversed(self._children):
            child.stop()

    def _doing(self, words: str) -> AbstractContextManager[None]:
        return timed_step(words, self.run.console)

    @contextmanager
    def _probe(self) -> Iterator[LatencyProbe]:
        settings, scenario = self.run.settings, self.run.scenario
        kafka, topic = kafka_cluster(settings), scenario.topic("events")
        probe = LatencyProbe(kafka, topic, scenario.name, hbase_store(settings))
        probe.start()
        try:
            yield probe
        finally:
            probe.stop()

    def _watch_follow_ups(
        self, stream: ChildJob, probe: LatencyProbe, meanwhile: Callable[[], None]
    ) -> None:
        """Publish follow-ups and show what becomes of them while `meanwhile` runs beside."""
        settings, name = self.run.settings, self.run.scenario.name
        counter = TopicCounter(kafka_cluster(settings), name)
        title = f"{self.run.scenario.title}: {name} live"
        view = LiveView(title, name, hbase_store(settings), counter, probe)
        load = (
            f"--rate={self.rate}",
            f"--duration={self.duration}",
            f"--bad-share={self.bad_share}",
        )
        # Each demo draws other follow-ups: the seed is the number of events so far.
        seed = f"--seed={counter.counts()['events']}"
        events = self._start("publish_events", "--no-history", *load, seed)
        note = (
            f"{self.rate:,.0f} events/s for {self.duration:.0f} s, {self.bad_share:.0%} of them bad"
        )
        with ThreadPoolExecutor(1) as beside, closing(counter):
            try:
                story = beside.submit(meanwhile)
                with Live(view.panel(note), console=self.run.console, refresh_per_second=4) as live:
                    while events.process.poll() is None or not story.done():
                        stream.check()
                        live.update(view.panel(note))
                        time.sleep(0.25)
                events.check()
                story.result()
            except BaseException:
                self._stop_children()  # else the story would go on to its end
                raise

    def _wait_until_scored(self, stream: ChildJob) -> None:
        settings, name = self.run.settings, self.run.scenario.name
        wait_until_scored(
            hbase_store(settings),
            kafka_cluster(settings),
            name,
            check=stream.check,
            timeout_seconds=_CATCH_UP_SECONDS,
        )

    @property
    def _logs(self) -> Path:
        return (self.run.settings.platform.run_dir or Path.cwd()) / "logs" / "demo"
