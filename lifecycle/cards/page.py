"""A model card as an HTML page and as Markdown: one list of sections, written twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from lifecycle.cards.facts import CalibrationPoint, CardFacts
from reports.files import write_text
from reports.pages import page

FOLDER = "model_card"
_WIDTH, _HEIGHT, _EDGE = 420, 320, 44


@dataclass(frozen=True)
class CardTable:
    """A section of the card: heading, note, and rows below the names of their columns."""

    anchor: str
    heading: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_card(folder: Path, facts: CardFacts) -> list[Path]:
    """Write model-card.html and model-card.md into `folder`; returns their paths."""
    return [
        write_text(folder / "model-card.html", as_html(facts)),
        write_text(folder / "model-card.md", as_markdown(facts)),
    ]


def as_html(facts: CardFacts) -> str:
    """The page, whole in one file."""
    tables = card_tables(facts)
    values = {
        "title": f"{facts.name} version {facts.version}",
        "subtitle": facts.card.purpose or facts.title,
        "sections": [(table.anchor, table.heading) for table in tables],
        "tables": tables,
        "chart": calibration_chart(facts.calibration) if facts.calibration else "",
        "footer": f"Model card, made {facts.report.made_at}. MLflow run {facts.run_id}.",
    }
    return page("model_card.html", values)


def as_markdown(facts: CardFacts) -> str:
    """The same in Markdown; the calibration as a table."""
    lines = [f"# {facts.name} version {facts.version}", "", facts.card.purpose or facts.title, ""]
    for table in card_tables(facts):
        lines += [f"## {table.heading}", "", table.note, ""]
        if table.rows:
            lines.append(_markdown_row(table.columns))
            lines.append(_markdown_row(["---"] * len(table.columns)))
            lines += [_markdown_row(row) for row in table.rows]
            lines.append("")
    lines.append(f"Made {facts.report.made_at}. MLflow run {facts.run_id}.")
    return "\n".join(lines) + "\n"


def card_tables(facts: CardFacts) -> list[CardTable]:
    """The sections in the order they are read."""
    return [
        _purpose(facts),
        _data(facts),
        CardTable(
            "metrics",
            "Metrics",
            f"On the held-out rows of {facts.source}; 95 % intervals by the bootstrap over "
            "entities.",
            ("measure", "value (interval)"),
            tuple((words, str(value)) for words, value in facts.metrics.items()),
        ),
        CardTable(
            "slices",
            "Slices",
            "AUROC on parts of the held-out rows. A part that is too small to say is listed.",
            ("slice", "AUROC (interval)", "outcome"),
            tuple(
                (
                    facts.report.words.get(gate.name, gate.name).removeprefix("slice "),
                    gate.value or gate.sentence,
                    gate.outcome,
                )
                for gate in facts.slices
            ),
        ),
        CardTable(
            "calibration",
            "Calibration",
            "Mean score and share of positives in ten bins of scores: they should be equal.",
            ("rows", "mean score", "observed share"),
            tuple(
                (f"{point.rows:,}", f"{point.mean_score:.3f}", f"{point.observed:.3f}")
                for point in facts.calibration
            ),
        ),
        _reasons(facts),
        _approvals(facts),
    ]


def calibration_chart(points: Sequence[CalibrationPoint]) -> Markup:
    """An SVG picture of the points beside the diagonal; the area of a dot grows with its rows."""
    most = max(point.rows for point in points)

    def x(share: float) -> float:
        return _EDGE + share * (_WIDTH - 2 * _EDGE)

    def y(share: float) -> float:
        return _HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE)

    dots = "".join(
        f'<circle cx="{x(point.mean_score):.1f}" cy="{y(point.observed):.1f}" '
        f'r="{3 + 7 * (point.rows / most) ** 0.5:.1f}" fill="#1f6fb2" fill-opacity="0.75"/>'
        for point in points
    )
    line = " ".join(f"{x(point.mean_score):.1f},{y(point.observed):.1f}" for point in points)
    marks = "".join(
        f'<text x="{x(share):.1f}" y="{_HEIGHT - _EDGE + 16}" text-anchor="middle">{share:g}</text>'
        f'<text x="{_EDGE - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:g}</text>'
        for share in (0.0, 0.5, 1.0)
    )
    return Markup(
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        'font-size="12" fill="#5b6b7b" aria-label="Mean score against observed share">'
        f'<rect x="{_EDGE}" y="{_EDGE}" width="{_WIDTH - 2 * _EDGE}" '
        f'height="{_HEIGHT - 2 * _EDGE}" fill="none" stroke="#dfe5eb"/>'
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke="#5b6b7b" '
        'stroke-dasharray="3 4"/>'
        f'<polyline points="{line}" fill="none" stroke="#1f6fb2" stroke-width="1.5"/>{dots}{marks}'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">mean score</text>'
        f'<text x="{_EDGE}" y="{_EDGE - 12}">observed share</text></svg>'
    )


def _purpose(facts: CardFacts) -> CardTable:
    card = facts.card
    rows = (
        ("purpose", card.purpose or facts.title),
        ("limits of use", card.limits or "none stated"),
        ("owner", card.owner or "none stated"),
        ("format", card.format),
        ("trained at", card.created_at),
        ("git commit", card.git_commit),
    )
    return CardTable(
        "purpose", "Purpose", "What it is for, and who answers for it.", ("", ""), rows
    )


def _data(facts: CardFacts) -> CardTable:
    card, snapshot = facts.card, facts.card.snapshot
    counts = card.training_counts
    rows = [
        ("rows to train on", f"{counts.get('train_rows', 0):,}"),
        ("of these positive", f"{counts.get('train_positives', 0):,}"),
        ("rows held out", f"{counts.get('test_rows', 0):,}"),
        ("share of positives", f"{card.base_rate:.3f}"),
        ("columns", ", ".join(card.feature_names)),
        ("feature definitions", card.definitions_digest),
    ]
    if snapshot is not None:
        rows += [
            ("snapshot", f"{snapshot.number}: {snapshot.path}, version {snapshot.version}"),
            ("digest of its rows", snapshot.rows_digest),
        ]
    if card.useless_columns:
        words = ", ".join(f"{name} ({why})" for name, why in card.useless_columns.items())
        rows.append(("columns that teach nothing", words))
    return CardTable("data", "Data", "What it was trained on.", ("", ""), tuple(rows))


def _reasons(facts: CardFacts) -> CardTable:
    stability = facts.reasons
    if stability is None:
        note = "The version gives no reasons."
        return CardTable("reasons", "Reasons", note, ("feature", "mean |contribution|"), ())
    note = (
        f"Spearman correlation of the features' mean |contribution| in two halves of "
        f"{stability.rows:,} held-out rows: {stability.correlation:.3f}. The largest:"
    )
    rows = tuple((name, f"{size:.3f}") for name, size in stability.largest)
    return CardTable("reasons", "Reasons", note, ("feature", "mean |contribution|"), rows)


def _approvals(facts: CardFacts) -> CardTable:
    report = facts.report
    rows = [
        ("gates", report.sentence),
        ("gates run by", f"{report.made_by}, {report.made_at}"),
        ("asked for", report.to or "nothing: run after the training"),
    ]
    if report.override_by:
        rows.append(("override", f"{report.override_by}: {report.override_reason}"))
    note = "Who promoted which version when: deployment_history."
    return CardTable("approvals", "Approvals", note, ("", ""), tuple(rows))


def _markdown_row(cells: Sequence[str]) -> str:
    texts = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(texts)} |"
