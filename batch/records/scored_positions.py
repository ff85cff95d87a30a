"""The event that a prediction was made for, read from the prediction's id."""

import re

from pyspark.sql import Column
from pyspark.sql import functions as F


def scored_position(scenario: str) -> tuple[Column, Column, Column]:
    """Epoch, partition and offset in the column prediction_id; null in another scenario's.

    The epoch is the stream's when it scored, as in `scored_epoch`.
    """
    pattern = rf"^{re.escape(scenario)}-(\d+)-(\d+)-(\d+)-v[^-]+$"
    epoch, partition, offset = (
        F.regexp_extract("prediction_id", pattern, group) for group in (1, 2, 3)
    )
    return epoch.try_cast("int"), partition.try_cast("int"), offset.try_cast("bigint")
