"""Options of jobs that promote a version."""

from enum import StrEnum
from typing import Annotated

from typer import BadParameter, Option


class To(StrEnum):
    """The roles that a version can be promoted to."""

    champion = "champion"
    challenger = "challenger"
    shadow = "shadow"


ToOption = Annotated[To, Option("--to", help="What a promoted version becomes.")]
ShareOption = Annotated[
    float, Option(help="Of entities (challenger) or events (shadow), above 0 to 1.")
]
ExperimentOption = Annotated[
    str, Option(help="Id of the comparison; default: role, version and day.")
]


def check_role(to: To, *, promotes: bool) -> None:
    """Raise `BadParameter` when a role is given and nothing is promoted."""
    if to is not To.champion and not promotes:
        raise BadParameter("only with --promote", param_hint="--to")
