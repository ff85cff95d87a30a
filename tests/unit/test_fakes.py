"""The fakes of the unit tests keep what the real stores promise (tests/contracts.py)."""

from collections.abc import Sequence

from stores.hbase.predictions import Prediction
from tests.contracts import (
    check_alerts,
    check_attachments,
    check_decisions,
    check_device_keys,
    check_files,
    check_homes,
    check_latest_rows,
    check_pass_table,
    check_producer,
    check_review_cases,
)
from tests.support.attachments import attachments_in_memory
from tests.support.device import MemoryDeviceKeys
from tests.support.latest_cells import MemoryStore
from tests.support.period_reports import MemoryAlerts, MemoryDecisions
from tests.support.review_cases import MemoryCases
from tests.support.tiny_archive import MemoryHomes, MemoryTable
from tests.support.tiny_pass import RowTable
from tests.unit.churn.test_publishing import FakeProducer
from tests.unit.streaming.position.test_checkpoints import MemoryFiles


def test_states_in_memory() -> None:
    check_pass_table(MemoryTable())
    check_pass_table(RowTable())


def test_homes_in_memory() -> None:
    check_homes(MemoryHomes())


def test_files_in_memory() -> None:
    check_files(MemoryFiles(), "/root/files")


def test_a_producer_without_a_broker() -> None:
    check_producer(FakeProducer(), "records", refused=(b"refused", b"{}"))


def test_decisions_and_alerts_in_memory() -> None:
    check_decisions(MemoryDecisions())
    check_alerts(MemoryAlerts())


def test_latest_rows_in_memory() -> None:
    store = MemoryStore()

    def write(rows: Sequence[Prediction]) -> None:
        for row in rows:
            store.write("tiny", row, position=row.source.offset)

    check_latest_rows(store, write)


def test_review_cases_in_memory() -> None:
    check_review_cases(MemoryCases())


def test_keys_of_devices_in_memory() -> None:
    check_device_keys(MemoryDeviceKeys())


def test_attachments_in_memory() -> None:
    check_attachments(attachments_in_memory())
