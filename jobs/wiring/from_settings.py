"""What stores, models and batch take as arguments, made from the settings."""

from datetime import datetime

from batch.records.limits import EventLimits
from batch.training.register import Origin
from batch.training_sets.rows import TrainingOptions
from batch.training_sets.snapshots import SnapshotRecord
from conf.settings import Settings
from models.card import SnapshotReference
from models.registry.tracking import TrackingPlace
from stores.delta.tables import DeltaPlace
from stores.hbase.attachments import AttachmentPlace
from stores.hbase.connection import HBaseStore


def hbase_store(settings: Settings) -> HBaseStore:
    """The recipe for connections to HBase's Thrift gateway."""
    hbase = settings.hbase
    return HBaseStore(hbase.thrift_host, hbase.thrift_port, hbase.namespace, hbase.timeout_seconds)


def tracking_place(settings: Settings) -> TrackingPlace:
    """Where runs and models are recorded."""
    mlflow = settings.mlflow
    return TrackingPlace(
        tracking_uri=mlflow.tracking_uri,
        artifact_root=mlflow.artifact_root,
        prefix=mlflow.experiment_prefix,
    )


def delta_place(settings: Settings, scenario: str) -> DeltaPlace:
    """Where the Delta tables of `scenario` are."""
    delta = settings.delta
    return DeltaPlace(root=delta.root, scenario=scenario, retention_days=delta.retention_days)


def attachment_place(settings: Settings) -> AttachmentPlace:
    """Where the attachments of events are."""
    return AttachmentPlace(hbase_store(settings), settings.hbase.retry_seconds)


def event_limits(settings: Settings) -> EventLimits:
    """How events are checked, in the stream and in batch alike."""
    return EventLimits(
        max_event_bytes=settings.stream.max_event_bytes,
        max_future_skew_seconds=settings.stream.max_future_skew_seconds,
        attachments=attachment_place(settings),
    )


def training_options(settings: Settings, as_of: datetime) -> TrainingOptions:
    """What was known at `as_of`, and which entities are held out."""
    return TrainingOptions(
        limits=event_limits(settings),
        as_of_ms=int(as_of.timestamp() * 1000),
        test_fraction=settings.training.holdout_fraction,
    )


def origin_of(
    settings: Settings, record: SnapshotRecord, *, git_commit: str, now: datetime
) -> Origin:
    """What a version trained `now` on the snapshot of `record` comes from."""
    snapshot = SnapshotReference(
        path=record.path,
        version=record.version,
        number=record.number,
        rows=record.rows,
        rows_digest=record.rows_digest,
    )
    return Origin(
        snapshot=snapshot,
        git_commit=git_commit,
        seed=settings.training.seed,
        created_at=now.isoformat(timespec="seconds"),
    )
