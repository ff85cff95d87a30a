"""The fakes of the unit tests keep what the real stores promise (tests/contracts.py)."""

from tests.contracts import check_files, check_homes, check_pass_table, check_producer
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
