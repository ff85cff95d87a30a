"""The proofs of `make prove`, each by jobs that anyone can run."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from batch.proofs.parity.report import ParityReport
from local.endpoints import read_endpoints
from local.tables import drop_table
from proofs.byte_search import files_with
from proofs.stage import Stage
from reports.steps import timed_step
from stores.hbase.keys import entity_of
from stores.hbase.states import newest_cells

_ERASED = 3
_LEAST_PROBE_ROWS = 1_000
_HBASE_TIDIES_SECONDS = 180.0


class Topic(StrEnum):
    """What can be proved of a stage."""

    parity = "parity"
    audits = "audits"
    rebuild = "rebuild"
    retraining = "retraining"
    erasure = "erasure"


@dataclass(frozen=True)
class Proof:
    """What was to be proved, whether it holds, and the figure."""

    name: str
    holds: bool
    figure: str

    @property
    def line(self) -> str:
        """One line for people and logs."""
        return f"{'proved' if self.holds else 'FAILED'}  {self.name}: {self.figure}"


@dataclass(frozen=True)
class Proofs:
    """The proofs of a stage whose stream is stopped and archived."""

    stage: Stage
    audits: int

    def of(self, topics: Collection[Topic]) -> Iterator[Proof]:
        """One after the other; those that change something come last."""
        proofs = {
            Topic.parity: self._parity,
            Topic.audits: self._audits,
            Topic.rebuild: self._rebuild,
            Topic.retraining: self._retraining,
            Topic.erasure: self._erasure,
        }
        for topic, prove in proofs.items():
            if topic in topics:
                yield from prove()

    def _parity(self) -> Iterator[Proof]:
        name = "features and scores from the archive equal the logged ones"
        yield parity_proof(self.stage, name=name)

    def _audits(self) -> Iterator[Proof]:
        yield audit_proof(self.stage, audits=self.audits)

    def _rebuild(self) -> Iterator[Proof]:
        stage = self.stage
        before = newest_cells(stage.store, stage.scenario)
        with timed_step("dropping the table and rebuilding it from the archive", stage.console):
            drop_table(
                read_endpoints(stage.run_dir), table=f"{stage.store.namespace}:{stage.scenario}"
            )
            stage.run("prepare_scenario")
            child = stage.ended("rebuild_state", "--yes")
        after = newest_cells(stage.store, stage.scenario) if child.process.returncode == 0 else {}
        different = [
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        ]
        cells = sum(len(row) for row in before.values())
        figure = f"{len(before):,} rows, {cells:,} cells, {len(different):,} rows differ"
        yield Proof(
            "the table rebuilt from the archive equals the lost one",
            not different and cells > 0,
            figure,
        )

    def _retraining(self) -> Iterator[Proof]:
        with timed_step("training the champion again", self.stage.console):
            child = self.stage.ended("retrain", "--from-version=champion", "--json")
        report = msgspec.json.decode(child.result() or "{}")
        rows, difference = report.get("probe_rows", 0), report.get("largest_difference")
        holds = child.process.returncode == 0 and difference == 0.0 and rows >= _LEAST_PROBE_ROWS
        figure = f"largest difference {difference} on {rows:,} probe rows"
        yield Proof("the champion trained again from its record", holds, figure)

    def _erasure(self) -> Iterator[Proof]:
        entities = [
            entity_of(key)
            for key in sorted(newest_cells(self.stage.store, self.stage.scenario))[:_ERASED]
        ]
        needles = [entity.encode() for entity in entities]
        with timed_step("scoring everybody, auditing one customer", self.stage.console):
            self.stage.run("score_batch", "--list-size=10000")
            self.stage.run("audit", f"--entity={entities[0]}")
        before = len(files_with(self.stage.run_dir, needles))
        with timed_step("erasing three customers, searching every byte", self.stage.console):
            erasing = self.stage.ended(
                "erase_from_memory",
                "--yes",
                "--reason=asked by the customer",
                *(f"--entity={entity}" for entity in entities),
            )
            remaining = self._left_by_erasure(needles, erasing.output())
        names = ", ".join(str(path.relative_to(self.stage.run_dir)) for path in remaining[:5])
        figure = f"{before:,} files held them before, {len(remaining):,} do elsewhere now {names}"
        yield Proof(
            "of three erased customers no byte is left but where the command said",
            erasing.process.returncode == 0 and before > 0 and not remaining,
            figure.strip(),
        )
        with timed_step("training again without them", self.stage.console):
            child = self.stage.ended("retrain", "--json", log_name="retrain-erased")
        report = msgspec.json.decode(child.result() or "{}")
        erased = sum(erasure["rows"] for erasure in report.get("erasures", ()))
        causes = "; ".join(report.get("causes", ())) or child.output()[-300:]
        holds = erased == _ERASED and "asked by the customer" in causes
        figure = f"largest difference {report.get('largest_difference')}, because {causes}"
        yield Proof("a retraining says what was erased", holds, figure)

    def _left_by_erasure(self, needles: Sequence[bytes], command_output: str) -> list[Path]:
        """Files that hold one of `needles` outside the places that the erasing command printed.

        HBase removes its old files by itself, within a minute, as it says.
        """
        give_up_at = time.monotonic() + _HBASE_TIDIES_SECONDS
        while True:
            remaining = [
                path
                for path in files_with(self.stage.run_dir, needles)
                if path.relative_to(self.stage.run_dir).parts[0] != "kafka"
                and f"({path})" not in command_output
            ]
            if not remaining or time.monotonic() > give_up_at:
                return remaining
            time.sleep(2)


def audit_proof(stage: Stage, *, audits: int) -> Proof:
    """So many random predictions, each recomputed from the archive."""
    with timed_step(f"auditing {audits} random predictions", stage.console):
        child = stage.ended("audit", f"--random={audits}")
    totals = [line for line in child.output().splitlines() if "reproduced" in line]
    figure = totals[-1].partition(" ")[2] if totals else child.output()[-300:]
    return Proof("audits of random predictions", child.process.returncode == 0, figure)


def parity_proof(stage: Stage, *, name: str) -> Proof:
    """All archived predictions beside those recomputed from their events."""
    with timed_step("folding and scoring everything again", stage.console):
        child = stage.ended("check_parity", "--share=1", "--all", "--settle=0", "--json")
    result = child.result()
    figure = _parity_figure(result) if result else child.output()[-300:]
    return Proof(name, child.process.returncode == 0, figure)


def _parity_figure(text: str) -> str:
    report = msgspec.json.decode(text, type=ParityReport)
    equal, different, missing = (
        sum(getattr(column, name) for column in report.columns)
        for name in ("equal", "different", "missing")
    )
    problems = "".join(f"; {name}: {number:,}" for name, number in report.problems.items())
    return (
        f"{report.compared:,} predictions, {len(report.columns)} features and fields each: "
        f"{equal:,} values equal to the last bit, {different:,} different, {missing:,} missing"
        f"{problems}"
    )
