"""Which epoch a record belongs to, as columns: an offset alone does not identify an event.

A recreated topic uses its offsets again, so events and what became of them are compared by
(epoch, partition, offset).
"""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from stores.records.epochs import EpochStart


def epoch_of_events(starts: Sequence[EpochStart], topic_id: str) -> Column:
    """The epoch in which each event's offset lies; 0 for events before the first epoch.

    starts: newest first. Those of another incarnation of the topic do not count.
    """
    epoch = F.lit(0)
    for start in reversed([start for start in starts if start.topic_id == topic_id]):
        for partition, first in start.first_offsets.items():
            is_in = (F.col("partition") == partition) & (F.col("offset") >= first)
            epoch = F.when(is_in, start.epoch).otherwise(epoch)
    return epoch


def epoch_of_predictions() -> Column:
    """The epoch of the event that a prediction or a suppressed event belongs to."""
    text = F.col("value").cast("string")
    return epoch_of_message(F.from_json(text, "prediction_id string, epoch int"))


def epoch_of_message(message: Column) -> Column:
    """The epoch in a message read as a struct with `prediction_id` and `epoch`; 0 if it has none.

    A prediction and a case of a refused event name it in their ids, a suppressed event in a field.
    """
    of_id = F.regexp_extract(message["prediction_id"], r"-(\d+)-\d+-\d+-(?:v[^-]*|refused)$", 1)
    return F.coalesce(message["epoch"], F.nullif(of_id, F.lit("")).cast("int"), F.lit(0))


def epoch_of_dead_letters() -> Column:
    """The epoch of the refused event."""
    headers = F.filter("headers", lambda header: header["key"] == "source_epoch")
    return F.coalesce(F.get(headers, F.lit(0))["value"].cast("string").cast("int"), F.lit(0))
