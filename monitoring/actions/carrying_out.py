"""Do what a decision says, step by step, with a record of each: a crash loses and doubles none."""

from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from stores.records.decisions import ActionResult, DecisionRecord


class Actions(Protocol):
    """What can be done to a scenario's model.

    `run` may be called again for an action that was interrupted: it must find what was done then.
    """

    def run(self, action: str, record: DecisionRecord) -> ActionResult:
        """Do one action of the decision; a failure is a result, not an error."""
        ...

    def champion(self) -> str:
        """Version of the champion now; "" if none."""
        ...


class Records(Protocol):
    """Where decisions are stored, see `stores.records.decisions.DecisionTable`."""

    def all(self) -> list[DecisionRecord]:
        """All of them, by period and time."""
        ...

    def add(self, record: DecisionRecord) -> bool:
        """Write a new decision; False: there is one of this period and rule."""
        ...

    def replace(self, before: DecisionRecord, after: DecisionRecord) -> DecisionRecord:
        """Write `after` where `before` stands."""
        ...


def carry_out(
    record: DecisionRecord, actions: Actions, records: Records, *, clock_ms: Callable[[], int]
) -> DecisionRecord:
    """Do the actions of `record` that are left, and return it as it is stored then.

    The first action that fails ends it: what comes after a training that failed has nothing to
    promote. Raises what `Records.replace` raises.
    """
    for action in record.actions_left:
        result = actions.run(action, record)
        after = replace(record, results=(*record.results, result))
        if result.exit_code != 0:
            after = _finished(after, actions, clock_ms(), state="failed")
        elif not after.actions_left:
            after = _finished(after, actions, clock_ms(), state="done")
        record = records.replace(record, after)
        if result.exit_code != 0:
            break
    return record


def _finished(
    record: DecisionRecord, actions: Actions, at_ms: int, *, state: str
) -> DecisionRecord:
    return replace(record, state=state, champion_after=actions.champion(), finished_at_ms=at_ms)
