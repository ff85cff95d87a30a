"""The gates of a version run with the settings' bounds, where their report goes, and promotion."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from batch.compare.comparison import Side
from conf.settings import Settings
from jobs.launcher.run import Run
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, tracking_place
from jobs.wiring.streaming import store_session
from lifecycle.cards.facts import card_facts
from lifecycle.cards.page import FOLDER as CARD_FOLDER
from lifecycle.cards.page import write_card
from lifecycle.changes import Change, Role, what_changed, with_champion, with_other
from lifecycle.gate_report import GateReport, show_gates, write_gates
from lifecycle.gates.evidence import Evidence
from lifecycle.gates.gate import Bounds
from lifecycle.gates.quality import named_slices
from lifecycle.gates.run import all_gates
from lifecycle.promotion import (
    change_now,
    check_gates,
    now_text,
    override_notes,
    person,
    pointer_of,
    tag_version,
    write_change,
)
from lifecycle.reading import ChampionRead, evidence_of, read_candidate, read_champion
from local.cache import cache_dir
from models.errors import ModelCorrupt
from models.formats.format import model_format
from models.registry.roles import log_files
from models.registry.versions import check_not_retired, read_version
from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario
from stores.records.deployments import (
    Deployment,
    ModelPointer,
    deployment_cell,
    deployment_of,
)

_REPORT_FOLDER = "gates"


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a person asks for: the role, and who overrides gates that fail, and why."""

    to: str = ""
    override_by: str = ""
    override_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What a version is to become, and why.

    share        of the entities (challenger) or events (shadow), above 0 to 1
    experiment   id of the comparison; empty: role, version and day
    by           whom the person who runs the job acts for
    overrides    promote although gates fail; `by` answers for it
    dry_run      run the gates, change nothing
    """

    to: Role = "champion"
    share: float = 0.1
    experiment: str = ""
    reason: str
    by: str = ""
    overrides: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class GatesRun:
    """The report of a run of the gates, and what it rests on."""

    candidate: Side
    evidence: Evidence
    report: GateReport


def bounds_of(settings: Settings, scenario: str) -> Bounds:
    """The bounds in the settings, with the slices of `scenario` and its own bounds."""
    values = settings.gates.model_dump()
    own = values.pop("scenarios").get(scenario, {})
    values |= {name: bound for name, bound in own.items() if bound is not None}
    prefix = f"{scenario}."
    slices = {
        name.removeprefix(prefix): tuple(limits)
        for name, limits in values.pop("slices").items()
        if name.startswith(prefix)
    }
    return Bounds(slices=slices, **values)


def gates_run(
    run: Run, candidate: Side, champion: ChampionRead, *, intent: Intent, note: str = ""
) -> GatesRun:
    """Load, score and measure the version; all of it is in the report."""
    registered, scenario = candidate.registered, run.scenario
    evidence = evidence_of(
        candidate, champion, scenario, cache_dir=cache_dir() / "models", note=note
    )
    gates = all_gates(
        evidence,
        scenario,
        bounds_of(run.settings, scenario.name),
        tolerance=_tolerance(candidate.card.format),
    )
    compared = evidence.champion
    report = GateReport(
        scenario=scenario.name,
        name=registered.name,
        version=registered.version,
        sha256=registered.sha256,
        to=intent.to,
        champion=compared.version if compared is not None else "",
        made_at=now_text(),
        made_by=person(),
        gates=gates,
        notes=evidence.notes,
        words=named_slices(gates, categories(scenario)),
    )
    if report.failed and intent.override_by:
        report = replace(
            report, override_by=intent.override_by, override_reason=intent.override_reason
        )
    return GatesRun(candidate, evidence, report)


def publish_report(run: Run, gates: GatesRun) -> str:
    """Write report and card: files for people, and the same in MLflow with the version's run.

    Returns the URI of the report in MLflow, which is the evidence of a deployment.
    """
    settings, scenario, registered = run.settings, run.scenario, gates.candidate.registered
    registry = tracking_place(settings)
    paths = write_gates(settings.reports.folder / scenario.name, gates.report)
    evidence = log_files(registry, registered, paths, folder=_REPORT_FOLDER)
    facts = card_facts(
        gates.evidence,
        gates.report,
        bounds_of(settings, scenario.name),
        run_id=registered.run_id,
        title=scenario.title,
    )
    with tempfile.TemporaryDirectory(prefix="everscore-card-") as scratch:
        log_files(registry, registered, write_card(Path(scratch), facts), folder=CARD_FOLDER)
    tag_version(registry, registered, scenario, cache_dir=cache_dir() / "models")
    for path in paths:
        run.console.print(f"written to {path}", markup=False, highlight=False, soft_wrap=True)
    return f"{evidence}/{paths[-1].name}"


def deployment_after(
    current: Deployment | None,
    pointer: ModelPointer,
    promotion: Promotion,
    scenario: Scenario,
    change: Change,
) -> Deployment:
    """The deployment in which `pointer` has the role; raises `ChangeRefused`."""
    if promotion.to == "champion":
        return with_champion(current, pointer, scenario, change)
    return with_other(
        current,
        pointer,
        change,
        role=promotion.to,
        share=promotion.share,
        experiment=promotion.experiment,
    )


def promote(run: Run, version: str, promotion: Promotion) -> None:
    """Run the gates on a registered version, write their report, and deploy it when they pass.

    Raises `GatesFailed` after the report is written, `ChangeRefused`, `DeploymentChanged` when
    somebody else changed the deployment meanwhile, and what reading a version raises.
    """
    conf, declared, show = run.settings, run.scenario, run.console.print
    registry, cache = tracking_place(conf), cache_dir() / "models"
    session = store_session(conf)
    # Before the gates: whoever changes the deployment while they run makes this one be refused.
    cell = deployment_cell(session, declared.name)
    current = deployment_of(cell)
    check_not_retired(read_version(registry, declared.name, version))
    with spark_session(conf, app_name=f"promote {declared.name}", with_delta=True) as spark:
        candidate, note = read_candidate(
            spark,
            version,
            registry=registry,
            place=delta_place(conf, declared.name),
            cache_dir=cache,
            progress=show,
        )
        champion = read_champion(
            spark,
            current,
            registry=registry,
            cache_dir=cache,
            progress=show,
            known=candidate.rows,
        )
    intent = Intent(
        to=promotion.to,
        override_by=promotion.by if promotion.overrides else "",
        override_reason=promotion.reason,
    )
    gates = gates_run(run, candidate, champion, intent=intent, note=note)
    show_gates(gates.report, run.console)
    registered = candidate.registered
    change = change_now(
        by=promotion.by,
        reason=promotion.reason,
        run_id=registered.run_id,
        **override_notes(gates.report),
    )
    after = deployment_after(current, pointer_of(registered), promotion, declared, change)
    if promotion.dry_run:
        check_gates(gates.report)
        show(f"would change: {what_changed(current, after)}; nothing was written")
        return
    evidence = publish_report(run, gates)
    check_gates(gates.report)
    written = write_change(
        session, cell, replace(after, evidence=evidence), registry=registry, log=run.log
    )
    run.log(
        f"deployment {written.number} of {declared.name}: {what_changed(current, written)}; "
        "workers switch within about two seconds"
    )


def _tolerance(name: str) -> float:
    """The largest difference of scores that the format states; 0 for one that nobody knows."""
    try:
        return model_format(name).tolerance
    except ModelCorrupt:
        return 0.0
