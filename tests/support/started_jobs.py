"""Jobs that a service starts, without starting any."""

from collections.abc import Sequence


class FakeChild:
    """A job that ends when a test says so."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = list(arguments)
        self.code: int | None = None
        self.text = "looking into /home/x/archive\n2 of 2 events published again\n"

    def poll(self) -> int | None:
        """Its exit code."""
        return self.code

    def output(self) -> str:
        """Its log."""
        return self.text


class FakeJobs:
    """Remembers the jobs that were started."""

    def __init__(self) -> None:
        self.children: list[FakeChild] = []

    def start(self, arguments: Sequence[str]) -> FakeChild:
        """A child that runs."""
        self.children.append(FakeChild(arguments))
        return self.children[-1]
