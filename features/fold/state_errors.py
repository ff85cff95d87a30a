"""Why a stored state cannot be read."""


class StateFormatError(RuntimeError):
    """A stored state cannot be read: damaged, or of another format version."""

    exit_code = 4


class DefinitionsChanged(RuntimeError):
    """A stored state belongs to other feature definitions; a rebuild is needed."""

    exit_code = 4

    def __init__(self, *, digest: str, expected: str) -> None:
        super().__init__(
            f"stored state belongs to feature definitions {digest}, this code has {expected}; "
            "nothing was misread or written: rebuild the states with the job rebuild_state"
        )
        self.digest = digest
        self.expected = expected
