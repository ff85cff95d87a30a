"""What stores, models and batch take as arguments, made from the settings."""

from datetime import datetime

from batch.limits import EventLimits
from batch.training_rows import TrainingOptions
from conf.settings import Settings
from models.tracking import TrackingPlace
from stores.connection import HBaseStore
from stores.delta import DeltaPlace


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


def event_limits(settings: Settings) -> EventLimits:
    """How events are checked, in the stream and in batch alike."""
    return EventLimits(
        max_event_bytes=settings.stream.max_event_bytes,
        max_future_skew_seconds=settings.stream.max_future_skew_seconds,
    )


def training_options(settings: Settings, now: datetime) -> TrainingOptions:
    """Which labels are mature at `now`, and which entities are held out."""
    return TrainingOptions(
        limits=event_limits(settings),
        now_ms=int(now.timestamp() * 1000),
        test_fraction=settings.training.holdout_fraction,
    )
