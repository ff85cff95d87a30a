"""HBase's Thrift (version 1) gateway, which happybase speaks to."""

from pathlib import Path

import happybase
from thriftpy2.thrift import TException

from local import java
from local.servers import hbase
from local.servers.ports import HOST
from local.servers.waiting import listens

# HBase makes this row last, when it has found its region server and its own tables.
_SYSTEM_TABLE, _SYSTEM_ROW = "hbase:namespace", b"default"


def command(
    folder: Path, *, port: int, jar_folder: Path, log_folder: Path, heap_mb: int
) -> list[str]:
    """The gateway's command line; `folder` is HBase's, whose settings it shares."""
    return java.server(
        "org.apache.hadoop.hbase.thrift.ThriftServer",
        "start",
        "-b",
        HOST,
        "-p",
        str(port),
        classpath=hbase.classpath(folder, jar_folder=jar_folder),
        heap_mb=heap_mb,
        options=hbase.JAVA_17_OPTIONS,
        crash_folder=log_folder,
    )


def answers(port: int, *, timeout_seconds: float = 3.0) -> bool:
    """Whether the gateway lists tables and reads a row.

    The list alone is not enough: the master gives it, empty, 12 s before a table can be read.
    """
    if not listens(HOST, port):
        return False
    try:
        connection = happybase.Connection(HOST, port, timeout=round(timeout_seconds * 1000))
        try:
            connection.tables()
            return bool(connection.table(_SYSTEM_TABLE).row(_SYSTEM_ROW))
        finally:
            connection.close()
    except (OSError, TException):
        return False
