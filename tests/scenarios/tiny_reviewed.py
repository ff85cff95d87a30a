"""The tiny scenario with a policy of three bands: allowed, reviewed, blocked."""

from dataclasses import replace

from scenarios.contract.policy import Band, Policy, Rule
from tests.scenarios import tiny

SCENARIO = replace(
    tiny.SCENARIO,
    policy=Policy(
        bands=(
            Band(name="ok", lowest_score=0.0),
            Band(name="odd", lowest_score=0.5, explained=True),
            Band(name="bad", lowest_score=0.95, explained=True),
        ),
        rules=(
            Rule(action="stop", bands=("bad",)),
            Rule(action="inspect", bands=("odd",), review=True),
            Rule(action="none", bands=("ok",)),
        ),
        valid_days=1,
    ),
)
