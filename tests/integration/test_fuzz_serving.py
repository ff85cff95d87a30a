"""Made-up requests to the whole service over a real Kafka and HBase: no failure without a reason.

`make fuzz-serving` sends 50,000 of them: EVERSCORE_FUZZ_REQUESTS says how many.
"""

import os
from pathlib import Path

from local.endpoints import Endpoints
from tests.support.desk import Desk, listening, whole_service
from tests.support.fuzzing import fuzzed

REQUESTS = int(os.environ.get("EVERSCORE_FUZZ_REQUESTS", "300"))
SEED = int(os.environ.get("EVERSCORE_FUZZ_SEED", "0"))


def test_no_made_up_request_finds_an_unplanned_failure(platform: Endpoints, tmp_path: Path) -> None:
    serving = whole_service(
        tmp_path,
        f"kafka.bootstrap_servers={platform.kafka_bootstrap_servers}",
        f"hbase.thrift_host={platform.hbase_thrift_host}",
        f"hbase.thrift_port={platform.hbase_thrift_port}",
    )
    desk = Desk(serving)
    with listening(desk.app) as address:
        report = fuzzed(
            address, desk.app.openapi(), key=desk.texts["all"], count=REQUESTS, seed=SEED
        )
    print(report.summary)
    assert report.failures == []
    assert report.count >= REQUESTS
