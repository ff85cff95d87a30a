"""What the queue refuses, with the sentence for the reviewer."""


class ReviewRefused(RuntimeError):
    """The case is not in a state in which this may be done; nothing was changed."""

    exit_code = 4


class NoSuchCase(ValueError):
    """No case has this id."""

    exit_code = 2


class InputRefused(ValueError):
    """The verdict is none of the scenario's, the note too long, or the time too short or long."""

    exit_code = 2
