"""Which case comes first: the one whose waiting is expected to cost most."""

from dataclasses import dataclass
from math import inf

from stores.records.review_cases import ReviewCase

MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, kw_only=True)
class WaitingCosts:
    """What waiting costs, in the scenario's currency.

    positive_per_hour   an hour in which a positive case is not acted upon (a customer leaves, a
                        thief has a card)
    negative_per_hour   an hour in which a negative case waits (an honest payment is held)
    late                a case that is decided after its due time
    """

    positive_per_hour: float = 1.0
    negative_per_hour: float = 0.0
    late: float = 10.0

    def expected_per_hour(self, case: ReviewCase, now_ms: int) -> float:
        """The expected cost of letting `case` wait for another hour.

        p is the score; an event that was not analysed may be anything, so for it p is 1.

            p * positive_per_hour + (1 - p) * negative_per_hour + late / max(hours until due, 1)

        The cost of being late is spread over the hours that are left, so a case
        rises as its due time comes near, and counts whole in the last hour and after it. With equal
        times for a review, taking the case with the largest rate first has the least total cost
        (the c-mu rule, Cox and Smith 1961).
        """
        score = 1.0 if case.prediction is None else case.prediction.score
        waiting = score * self.positive_per_hour + (1.0 - score) * self.negative_per_hour
        hours_left = (case.due_ms - now_ms) / MS_PER_HOUR
        return waiting + self.late / max(hours_left, 1.0)

    def order(self, case: ReviewCase, now_ms: int) -> tuple[float, int, int, str]:
        """What cases are sorted by, first ones first: the cost, then due time, arrival and id.

        Events that were not analysed come before all others, in order of arrival.
        """
        if case.prediction is None:
            return -inf, case.arrived_ms, case.arrived_ms, case.id
        return -self.expected_per_hour(case, now_ms), case.due_ms, case.arrived_ms, case.id
