"""Names of tables, families and columns, and the statement that creates them on a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

from stores.hbase.keys import split_keys

CONTROL = "control"
REVIEW = "review"
STATE = b"s:state"
MARKER = b"m:marker"
MARKER_VERSIONS = 10_000
LATEST = b"p:latest"


@dataclass(frozen=True)
class TableSpec:
    """One table: families with the number of versions they keep, and the region splits.

    No family has a TTL: a TTL would read the position stamps as dates.
    """

    name: str
    versions: tuple[tuple[str, int], ...]
    splits: tuple[str, ...] = ()

    def shell_statement(self, namespace: str) -> str:
        """The HBase shell statement that creates this table on a cluster."""
        families = ", ".join(
            f"{{NAME => '{family}', VERSIONS => {count}, BLOOMFILTER => 'ROW', "
            "IN_MEMORY => true, BLOCKCACHE => true}"
            for family, count in self.versions
        )
        splits = ", SPLITS => [" + ", ".join(f"'{s}'" for s in self.splits) + "]"
        tail = splits if self.splits else ""
        return f"create '{namespace}:{self.name}', {families}{tail}"


def table_specs(
    scenario: str, *, regions: int, state_versions: int, second_entities: Sequence[str] = ()
) -> Sequence[TableSpec]:
    """The control and review tables, the scenario's own, one like it per second entity
    ("fraud.terminal").

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
    )
