"""The log of a Delta table after an erasure: what it says about the erased rows is removed too.

Delta records the smallest and the largest value of each column of each file, and the condition of
each DELETE, in clear text. Tables that this code creates have no such statistics of columns that
hold ids or values (stores/delta/tables.py, streaming/archive/source.py), and an erasure here has no
condition that names anybody; the rest is for tables and erasures of older versions.
"""

import json
from typing import Any

from pyspark.sql import SparkSession

from stores.delta.files import HadoopFiles

_LOG = "_delta_log"
_ACTIONS_WITH_STATISTICS = ("add", "remove")
_BOUNDS = ("minValues", "maxValues", "nullCount")


def scrub_log(spark: SparkSession, path: str, *, with_statistics: bool) -> int:
    """Remove conditions and statistics from the log of the table at `path`; returns files changed.

    with_statistics: also the bounds of columns, for tables whose columns hold ids. Versions and
    notes stay: statistics are optional. Nothing may append meanwhile.
    """
    files, log = HadoopFiles(spark), f"{path}/{_LOG}"
    changed = 0
    for name in _commits_to_scrub(spark, files, log, with_statistics=with_statistics):
        text = files.read(f"{log}/{name}") or ""
        scrubbed = "\n".join(_scrubbed(line, with_statistics) for line in text.splitlines())
        if scrubbed != text.rstrip("\n"):
            files.replace(f"{log}/{name}", scrubbed + "\n")
            changed += 1
    if with_statistics:
        changed += _renew_checkpoints(spark, files, path)
    return changed


def _commits_to_scrub(
    spark: SparkSession, files: HadoopFiles, log: str, *, with_statistics: bool
) -> list[str]:
    commits = [name for name in files.names(log) if name.endswith(".json")]
    if with_statistics or not commits:  # tables of a handful of commits
        return commits
    # An archive has thousands of commits and few deletes: Spark finds those.
    paths = [f"{log}/{name}" for name in commits]
    texts = spark.read.text(paths).where("value LIKE '%\"predicate\":%'")
    rows = texts.selectExpr("_metadata.file_name AS name").distinct().collect()
    return sorted(row["name"] for row in rows)


def _scrubbed(line: str, with_statistics: bool) -> str:
    action = json.loads(line)
    changed = False
    parameters = action.get("commitInfo", {}).get("operationParameters", {})
    if action.get("commitInfo", {}).get("operation") == "DELETE" and "predicate" in parameters:
        del parameters["predicate"]
        changed = True
    for kind in _ACTIONS_WITH_STATISTICS if with_statistics else ():
        changed |= _without_bounds(action.get(kind))
    return json.dumps(action, separators=(",", ":"), ensure_ascii=False) if changed else line


def _without_bounds(action: dict[str, Any] | None) -> bool:
    """Take the bounds of columns out of an action; whether there were any."""
    if not action or not action.get("stats"):
        return False
    statistics = json.loads(action["stats"])
    remaining = {name: value for name, value in statistics.items() if name not in _BOUNDS}
    if remaining == statistics:
        return False
    action["stats"] = json.dumps(remaining, separators=(",", ":"))
    return True


def _renew_checkpoints(spark: SparkSession, files: HadoopFiles, path: str) -> int:
    """Checkpoints and checksums repeat statistics: write a checkpoint now, remove older ones."""
    log = f"{path}/{_LOG}"
    old = [name for name in files.names(log) if ".checkpoint" in name]
    sums = [name for name in files.names(log) if name.endswith(".crc")]
    for name in sums:
        files.delete(f"{log}/{name}")
    if not old:
        return len(sums)
    jvm: Any = spark._jvm
    delta_log = jvm.org.apache.spark.sql.delta.DeltaLog
    delta_log.clearCache()  # so that what was scrubbed is what is read
    session = spark._jsparkSession
    table = delta_log.forTable(session, path)
    table.update(False, jvm.scala.Option.empty(), jvm.scala.Option.empty())
    table.checkpoint()
    newest = max(name for name in files.names(log) if ".checkpoint" in name)
    for name in old:
        if name.split(".")[0] != newest.split(".")[0]:
            files.delete(f"{log}/{name}")
    return len(sums) + len(old)
