"""The options of publish_events that say what is published and how it is disturbed."""

from pathlib import Path
from typing import Annotated

from typer import Option

HistoryOption = Annotated[bool, Option(help="Publish what is known of every customer.")]
LabelsOption = Annotated[bool, Option(help="With the history, publish outcomes.")]
HistoryRateOption = Annotated[float, Option(min=0, help="History records per second; 0 = at once.")]
RateOption = Annotated[float, Option(min=0, help="Follow-up events per second; 0 = none.")]
DurationOption = Annotated[
    float | None, Option(min=0, help="Seconds of follow-ups; without it, until stopped.")
]
BadShareOption = Annotated[float, Option(min=0, max=1, help="Share of bad follow-ups.")]
DisorderOption = Annotated[
    float, Option(min=0, max=1, help="Share of follow-ups dated in the past.")
]
DisorderSecondsOption = Annotated[float, Option(min=0, help="How far in the past at most.")]
DuplicatesOption = Annotated[
    float, Option(min=0, max=1, help="Share of follow-ups published twice, within the rate.")
]
SeedOption = Annotated[int, Option(min=0, help="Another seed, other follow-ups.")]
CustomersOption = Annotated[int | None, Option(min=1, help="Take only the first so many.")]
FileOption = Annotated[Path | None, Option(help="Another data file of the same form.")]
DryRunOption = Annotated[bool, Option("--dry-run", help="Show samples, publish nothing.")]
