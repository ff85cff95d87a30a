"""Known errors of scoring as HTTP refusals, each with its own status."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from models.registry.versions import NoSuchVersion, RetiredModel
from reports.terminal import message_of
from serving.problems import Problem, Refusal, without_paths
from serving.scoring.errors import EntityMissing, EventsRefused, FeaturesRefused, HomeUnclear
from streaming.position.refusals import NoModel, Refused, StateUnreadable

_RETRY_SECONDS = "5"
_STATUSES: Mapping[type[Exception], tuple[int, str]] = {
    EntityMissing: (404, "no-row"),
    FeaturesRefused: (422, "features"),
    HomeUnclear: (409, "home-unclear"),
    NoSuchVersion: (404, "no-version"),
    RetiredModel: (410, "retired"),
    NoModel: (503, "no-model"),
    StateUnreadable: (503, "state-unreadable"),
}


@contextmanager
def refusing() -> Iterator[None]:
    """Raise `Refusal` for the errors of scoring that have a status of their own.

    Refused events are named one by one, with reason code and sentence, as dead letters are.
    """
    try:
        yield
    except EventsRefused as error:
        refusals = [
            {"event": refusal.row, "reason_code": refusal.code, "reason": refusal.sentence}
            for refusal in error.refusals
        ]
        raise Refusal(
            Problem(status=422, kind="event", detail=str(error), further={"refusals": refusals})
        ) from error
    except tuple(_STATUSES) as error:
        status, kind = next(
            answer for known, answer in _STATUSES.items() if isinstance(error, known)
        )
        headers = {"Retry-After": _RETRY_SECONDS} if status == 503 else {}
        shown = error.for_people() if isinstance(error, Refused) else error
        detail = without_paths(message_of(shown))
        raise Refusal(Problem(status=status, kind=kind, detail=detail, headers=headers)) from error
