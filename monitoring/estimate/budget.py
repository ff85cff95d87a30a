"""One budget of false alarms for the whole life of a model, and the parts that its tests get."""

from dataclasses import dataclass

_RISK, _SLICES, _LABELS = 0.5, 0.4, 0.1


@dataclass(frozen=True)
class AlarmBudget:
    """The probability of any false alarm of harm; by the union bound its parts sum to it.

    A model whose risk is tolerable, whose slices are no worse than the rest and whose labels come
    as usual has with at most this probability any such alarm, however often one looks. Drift and
    broken data have a rate per period of their own (`monitoring/drift`).
    """

    total: float = 0.05

    @property
    def risk(self) -> float:
        """Of the risk of all cases."""
        return _RISK * self.total

    @property
    def slices(self) -> float:
        """Of all tests of slices."""
        return _SLICES * self.total

    @property
    def labels(self) -> float:
        """Of labels that come later than usual, in a year of looks."""
        return _LABELS * self.total
