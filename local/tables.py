"""Create and drop HBase tables with namespace, split keys and family options.

happybase's gateway can do neither namespaces nor splits, so a small Java program does it.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local import java
from local.compiled import compiled_jar
from local.endpoints import Endpoints
from local.errors import TableAdminFailed
from local.maven.jars import jars
from local.servers.hbase import JAVA_17_OPTIONS

_SOURCE = Path(__file__).resolve().parent / "admin" / "TableAdmin.java"
_LOG4J = _SOURCE.parent / "log4j.properties"
_TABLE = re.compile(r"^(\w[\w.-]*:)?\w[\w.-]*$", re.ASCII)
_FAMILY = re.compile(r"^\w[\w.-]*$", re.ASCII)
_TIMEOUT_SECONDS = 180.0


@dataclass(frozen=True)
class Family:
    """A column family: ROW bloom filter, block cache, in memory, kept for ever.

    large_bytes: values from so many bytes on lie in files of their own (MOB), and the family is not
    held in memory; 0: it is no such family
    """

    name: str
    max_versions: int = 1
    large_bytes: int = 0


@dataclass(frozen=True)
class TableSpec:
    """A table as it should be; `table` is `namespace:name` or `name`."""

    table: str
    families: Sequence[Family]
    split_keys: Sequence[str] = ()


def create_table(
    endpoints: Endpoints, *, table: str, families: Sequence[Family], split_keys: Sequence[str] = ()
) -> bool:
    """Create the table and, if absent, its namespace; False when the table existed already.

    Raises TableAdminFailed when it exists with other families or numbers of versions.
    """
    return create_tables(endpoints, [TableSpec(table, families, split_keys)])[table]


def create_tables(endpoints: Endpoints, specs: Sequence[TableSpec]) -> dict[str, bool]:
    """Create several tables in one JVM, whose start takes most of the time; True: new."""
    outcomes = _run(endpoints, [order_to_create(spec) for spec in specs])
    return {table: outcome == "created" for table, outcome in outcomes.items()}


def drop_table(endpoints: Endpoints, *, table: str) -> bool:
    """Drop the table with its data; False when there was none."""
    order = f"drop\t{_checked(table, _TABLE, 'table')}"
    return _run(endpoints, [order])[table] == "dropped"


def purge_table(endpoints: Endpoints, *, table: str) -> bool:
    """Write the table's files again without what was deleted; False when there is no such table.

    HBase removes the files and logs that still hold it by itself, within a minute here.
    """
    order = f"purge\t{_checked(table, _TABLE, 'table')}"
    return _run(endpoints, [order])[table] == "purged"


def order_to_create(spec: TableSpec) -> str:
    """One line of the Java program's input; raises TableAdminFailed for a name HBase refuses."""
    fields = ["create", _checked(spec.table, _TABLE, "table")]
    if not spec.families:
        raise TableAdminFailed(f"table {spec.table} has no families: name at least one")
    for family in spec.families:
        if family.max_versions < 1:
            raise TableAdminFailed(
                f"family {family.name} of {spec.table} keeps {family.max_versions} versions: "
                "at least 1 is needed"
            )
        name = _checked(family.name, _FAMILY, "family")
        fields += ["family", name, str(family.max_versions), str(family.large_bytes)]
    for key in sorted(set(spec.split_keys)):
        fields += ["split", key.encode().hex()]
    return "\t".join(fields)


def _checked(name: str, pattern: re.Pattern[str], kind: str) -> str:
    if not pattern.match(name):
        raise TableAdminFailed(
            f"{name!r} is no {kind} name: use letters, digits, '_', '-' and '.', and start with "
            "a letter, a digit or '_'"
        )
    return name


def _run(endpoints: Endpoints, orders: Sequence[str]) -> dict[str, str]:
    classpath = [f"{jars('hbase')}/*"]
    # From the cache: compiling again would take longer than creating.
    program = compiled_jar(_SOURCE, classpath=classpath)
    command = java.tool(
        "TableAdmin",
        endpoints.hbase_thrift_host,
        str(endpoints.hbase_zookeeper_port),
        classpath=[str(program), *classpath],
        options=[*JAVA_17_OPTIONS, f"-Dlog4j.configuration={_LOG4J.as_uri()}"],
    )
    try:
        done = subprocess.run(
            command,
            input="".join(f"{order}\n" for order in orders),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
            env=java.environment(),
        )
    except subprocess.TimeoutExpired as late:
        raise TableAdminFailed(
            f"HBase did not answer within {late.timeout:.0f} s: look at `make logs`"
        ) from late
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if not line.startswith("\tat ")]
        refused_orders = "; ".join(order.replace("\t", " ") for order in orders)
        lines = "\n".join(f"  {line}" for line in errors[-10:])
        raise TableAdminFailed(f"HBase refused `{refused_orders}`:\n{lines}")
    answers = [line.partition("\t") for line in done.stdout.splitlines()]
    return {table: outcome for outcome, _, table in answers}
