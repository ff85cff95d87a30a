"""Why a request to score is refused."""

from collections.abc import Sequence

from features.events.reasons import Refusal


class EventsRefused(ValueError):
    """Posted events break the rules of features/events/rules.py; nothing of the request was done.

    refusals: by event, with the reason code and the sentence that its dead letter would have
    """

    exit_code = 2

    def __init__(self, refusals: Sequence[Refusal], *, total: int) -> None:
        first = refusals[0]
        more = f"; the first is event {first.row}" if total > 1 else ""
        super().__init__(
            f"{len(refusals)} of {total} events refused{more}: {first.code}: {first.sentence}"
        )
        self.refusals = list(refusals)


class FeaturesRefused(ValueError):
    """Posted features are not rows of the scenario's features; the message names what is wrong."""

    exit_code = 2


class EntityMissing(LookupError):
    """The store has nothing of an entity; nothing can be said of it without an event."""

    exit_code = 4


class HomeUnclear(RuntimeError):
    """In which partition an event counts is not known now; nothing was published."""

    exit_code = 4
