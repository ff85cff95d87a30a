"""Which predictions an audit is about: one by id, one by entity and time, or some at random."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from batch.proofs.audits.archive import AuditArchive
from batch.proofs.audits.errors import NoSuchPrediction
from batch.proofs.audits.facts import Outcome
from batch.proofs.audits.lookup import AuditedPrediction, at_random, by_id, by_time

EXIT_CODES: dict[Outcome, int] = {"reproduced": 0, "not checkable": 4, "not reproduced": 5}


class ChoiceUnclear(ValueError):
    """Not exactly one of the ways to choose a prediction was used."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class AuditChoice:
    """Exactly one of `prediction`, `entity` (with the moment `at`) and `random` is given."""

    prediction: str
    entity: str
    at: datetime
    random: int
    seed: int

    def __post_init__(self) -> None:
        ways = (self.prediction, self.entity, self.random)
        if sum(bool(way) for way in ways) != 1:
            raise ChoiceUnclear("say which: --prediction ID, --entity ID [--at TIME] or --random N")

    def predictions(self, archive: AuditArchive) -> Iterator[AuditedPrediction]:
        """The chosen predictions, each looked up when it is wanted.

        Raises a `NothingToAudit`.
        """
        if self.entity:
            yield by_time(archive, self.entity, self.at)
        elif self.prediction:
            yield by_id(archive, self.prediction)
        else:
            ids = at_random(archive, self.random, seed=self.seed)
            if not ids:
                raise NoSuchPrediction(
                    "the archive has no predictions yet: run ./spark-submit.sh archive_stream "
                    f"--scenario {archive.place.scenario} --once"
                )
            yield from (by_id(archive, record_id) for record_id in ids)


def total(outcomes: Sequence[Outcome]) -> str:
    """The sentence after audits of several predictions."""
    counts = Counter(outcomes)
    if counts["reproduced"] == len(outcomes):
        return f"{len(outcomes)} of {len(outcomes)} predictions reproduced to the last bit"
    parts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
    return f"{len(outcomes)} predictions audited: {parts}"
