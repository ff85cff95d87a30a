"""Make HBase tables: on the local platform by its own tool, on a cluster by the HBase shell."""

from collections.abc import Sequence

from conf.settings import Settings
from local.endpoints import read_endpoints
from local.tables import Family, create_tables
from local.tables import TableSpec as LocalTable
from stores.hbase.connection import HBaseStore
from stores.hbase.tables import TableSpec


class TablesToMake(RuntimeError):
    """Tables are missing on a cluster; the message holds the statements that make them."""

    exit_code = 4


def make_tables(settings: Settings, store: HBaseStore, specs: Sequence[TableSpec]) -> list[str]:
    """Make the missing tables and return their names; raises `TablesToMake` on a cluster.

    The Thrift gateway can neither make a namespace nor split a table, so a cluster's tables are
    made once by whoever runs it.
    """
    with store.open() as connection:
        existing = {name.decode() for name in connection.client.getTableNames()}
    missing = [spec for spec in specs if f"{store.namespace}:{spec.name}" not in existing]
    if not missing:
        return []
    if settings.platform.run_dir is None:
        statements = [spec.shell_statement(store.namespace) for spec in missing]
        raise TablesToMake(
            f"tables are missing in HBase; run in `hbase shell`:\n"
            f"create_namespace '{store.namespace}'\n" + "\n".join(statements)
        )
    endpoints = read_endpoints(settings.platform.run_dir)
    wanted = [local_table(store.namespace, spec) for spec in missing]
    return [name for name, is_new in create_tables(endpoints, wanted).items() if is_new]


def local_table(namespace: str, spec: TableSpec) -> LocalTable:
    """`spec` as the local platform's tool takes it."""
    large_bytes = dict(spec.large_values)
    families = [Family(name, n, large_bytes.get(name, 0)) for name, n in spec.versions]
    return LocalTable(f"{namespace}:{spec.name}", families, spec.splits)
