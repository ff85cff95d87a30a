"""Names of tables, families and columns, and the statement that creates them on a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

from stores.hbase.keys import split_keys

CONTROL = "control"
REVIEW = "review"
ATTACHMENTS = "attachments"
STATE = b"s:state"
MARKER = b"m:marker"
MARKER_VERSIONS = 10_000
LATEST = b"p:latest"
# From 100 KB on, rewriting values at each compaction costs more than a file of their own.
_LARGE_VALUE_BYTES = 102_400


@dataclass(frozen=True)
class TableSpec:
    """One table: families with the number of versions they keep, and the region splits.

    No family has a TTL: a TTL would read the position stamps as dates.

    large_values: families whose values from so many bytes on lie in files of their own (HBase's
    MOB), which compactions leave alone; they are not held in memory
    """

    name: str
    versions: tuple[tuple[str, int], ...]
    splits: tuple[str, ...] = ()
    large_values: tuple[tuple[str, int], ...] = ()

    def shell_statement(self, namespace: str) -> str:
        """The HBase shell statement that creates this table on a cluster."""
        large_values = dict(self.large_values)

        def storage(family: str) -> str:
            size = large_values.get(family)
            if size is None:
                return "IN_MEMORY => true, BLOCKCACHE => true"
            return f"IS_MOB => true, MOB_THRESHOLD => {size}, BLOCKCACHE => true"

        families = ", ".join(
            f"{{NAME => '{family}', VERSIONS => {count}, BLOOMFILTER => 'ROW', {storage(family)}}}"
            for family, count in self.versions
        )
        splits = ", SPLITS => [" + ", ".join(f"'{s}'" for s in self.splits) + "]"
        tail = splits if self.splits else ""
        return f"create '{namespace}:{self.name}', {families}{tail}"


def table_specs(
    scenario: str,
    *,
    regions: int,
    state_versions: int,
    second_entities: Sequence[str] = (),
    has_attachments: bool = False,
) -> Sequence[TableSpec]:
    """The control and review tables, the scenario's own, one like it per second entity
    ("fraud.terminal"); for a scenario whose events have attachments also the table of these.

    Family s holds states: `state_versions` must cover the longest replay, for one version is
    written per entity and Arrow batch and a replay reads states as of its first offset. Family p
    holds the latest prediction. Family m holds the markers, one row per partition: each version
    is a batch boundary from which a replay may begin. The review table holds cases (family c) and
    which of them are unfinished (family o).
    """
    families = (("s", state_versions), ("p", 1), ("m", MARKER_VERSIONS))
    splits = tuple(split_keys(regions))
    return (
        TableSpec(CONTROL, (("c", 1),)),
        TableSpec(REVIEW, (("c", 1), ("o", 1))),
        *(TableSpec(name, families, splits) for name in (scenario, *second_entities)),
        *([_attachments(splits)] if has_attachments else ()),
    )


def _attachments(splits: tuple[str, ...]) -> TableSpec:
    """Contents (family c), and who refers to them (family r); see stores/hbase/attachments.py."""
    families = (("c", 1), ("r", 1))
    return TableSpec(ATTACHMENTS, families, splits, (("c", _LARGE_VALUE_BYTES),))
