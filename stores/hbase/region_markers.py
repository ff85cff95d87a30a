"""Markers in every region of a table: whatever is lost of it is noticed.

The table is split on the two hex digits that begin each key. A region that is lost, or comes back
as it was some time ago, takes its marker with it, so a batch finds other markers than the one
before it wrote. From an epoch's beginning on each region has a marker for each partition: the
first one stands right before the epoch's first offset, and says that the states from before are
there. The epoch's record names the regions, so that a table recreated with other regions is not
mistaken for the old one.

Regions that HBase has split further, at other keys than two digits, share the marker of the region
that they came from.
"""

import re
from typing import Any

import msgspec

from stores.hbase.connection import Session
from stores.hbase.states import Marker, StateTable, marker_key, region_marker_key
from stores.records.epochs import EpochRecord, write_epoch

_TWO_DIGITS = re.compile(rb"[0-9a-f]{2}")


def region_prefixes(session: Session, table: str) -> tuple[str, ...]:
    """First keys of the regions of `table` but the first one's, sorted; raises `TableMissing`."""

    def get(connection: Any) -> Any:
        return [region["start_key"] for region in connection.table(table).regions()]

    starts = session.call(get)
    return tuple(sorted(key.decode() for key in starts if _TWO_DIGITS.fullmatch(key)))


def open_epoch(session: Session, name: str, record: EpochRecord) -> EpochRecord:
    """Begin `record`'s epoch of the stream `name` and return it with the regions of its table.

    Every region gets its first markers before the record is written: whoever sees the epoch may
    rely on them. What states the epoch begins with must have been written before.
    """
    regions = region_prefixes(session, name)
    table = StateTable(session, name, regions)
    for partition, first in record.first_offsets.items():
        marker = Marker(partition=partition, epoch=record.epoch, offset=first - 1)
        table.write_marker(marker, position=marker.position)
    complete_record = msgspec.structs.replace(record, regions=regions)
    write_epoch(session, name, complete_record)
    return complete_record


def with_markers_in(
    table: StateTable, record: EpochRecord, regions: tuple[str, ...]
) -> EpochRecord:
    """`record` with markers in `regions`, too: of a table that is whole as far as it has markers.

    For tables from before there were such markers, and for regions that were split since. What the
    first region's markers say is copied; a partition without any gets its first one.
    """
    new_prefixes = [prefix for prefix in regions if prefix not in (record.regions or ())]
    for partition, first in record.first_offsets.items():
        markers = [marker for _, marker in table.kept_markers(partition).markers]
        keys = [region_marker_key(prefix, partition) for prefix in new_prefixes]
        for marker in markers:
            table.write_cells([], keys, position=marker.position)
        if not any(marker.epoch == record.epoch for marker in markers):
            marker = Marker(partition=partition, epoch=record.epoch, offset=first - 1)
            cell = (marker_key(partition), msgspec.json.encode(marker))
            table.write_cells([cell], keys, position=marker.position)
    prefixes = {*regions, *(record.regions or ())}
    extended = msgspec.structs.replace(record, regions=tuple(sorted(prefixes)))
    write_epoch(table.session, table.scenario, extended)
    return extended
