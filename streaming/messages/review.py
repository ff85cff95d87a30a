"""Messages of the cases that are sent to review: the row, and why it was sent."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from features.byte_column import ByteColumn
from scenarios.contract.judge import Judges, Verdicts
from scenarios.contract.review.plan import Scored, sent_cases
from scenarios.contract.scenario import Scenario
from scenarios.contract.shares import events_in_share
from streaming.messages.documents import Positions
from streaming.messages.messages import Messages

Ints = npt.NDArray[np.int64]

_encode = msgspec.json.Encoder().encode


def review_messages(
    scenario: Scenario,
    messages: Messages,
    verdicts: Verdicts,
    features: npt.NDArray[np.float64],
    positions: Positions,
    judges: Judges,
) -> tuple[Ints, ByteColumn]:
    """Which of m predictions are sent to review, ascending, and their messages.

    features (m, k). A scenario that sends only what its rules send has the rows as messages, byte
    for byte; otherwise each ends with a member `sent` (`stores.records.review_cases.Sent`). With
    attachments each ends with a member `features`, too: by them the service shows what in an
    attachment moved the score.
    """
    plan = scenario.review
    by_rule = verdicts.decisions.review
    has_attachments = bool(scenario.schema.attachments)
    if plan.is_rules_only:
        rows = np.flatnonzero(by_rule)
        if not has_attachments:
            return rows, messages.rows(rows)
        ends = [_features(features[row]) for row in rows.tolist()]
        return rows, _with_ends(messages.rows(rows), ends)
    salt = f"{scenario.name}:review:{positions.epoch}:{positions.partition}"
    others, versions = _others(verdicts, judges)
    scored = Scored(
        by_rule=by_rule,
        bands=verdicts.decisions.bands,
        other_scores=others,
        other_versions=versions,
        features=features,
        is_random=events_in_share(positions.offsets, plan.random_share, salt=salt),
    )
    thresholds = {band.name: judges.thresholds[band.name] for band in scenario.policy.bands}
    sent = sent_cases(scored, plan, thresholds=thresholds)
    rows = np.array([*sent], dtype=np.int64)
    ends = [
        b',"sent":%b%b' % (_encode(reason), _features(features[row]) if has_attachments else b"")
        for row, reason in sent.items()
    ]
    return rows, _with_ends(messages.rows(rows), ends)


def _with_ends(documents: ByteColumn, ends: Sequence[bytes]) -> ByteColumn:
    """JSON objects with further members."""
    pairs = zip(documents, ends, strict=True)
    return ByteColumn.of([b"%b%b}" % ((document or b"")[:-1], end) for document, end in pairs])


def _features(row: npt.NDArray[np.float64]) -> bytes:
    """A further member; a float reads back as the same float, a missing one is null."""
    return b',"features":' + _encode(row.tolist())


def _others(verdicts: Verdicts, judges: Judges) -> tuple[npt.NDArray[np.float64], Sequence[str]]:
    """Per prediction the score of the version of the pair that did not decide, and its version."""
    if verdicts.beside is None or judges.challenger is None:
        return np.full(len(verdicts.rows), np.nan), ()
    pair = (judges.challenger.version, judges.champion.version)
    versions = [pair[int(is_challenged)] for is_challenged in verdicts.challenged]
    return verdicts.beside.other_scores, versions
