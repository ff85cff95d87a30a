"""The sections of the settings: what each means; the defaults stand in base.toml."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Positive = Annotated[int, Field(gt=0)]
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NumberFromZero = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# Spark and MLflow resolve a relative folder against wherever they happen to run.
Location = Annotated[str, Field(pattern=r"^(/|[a-zA-Z][a-zA-Z0-9+.-]*:)")]
Servers = Annotated[str, Field(pattern=r"^$|^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$")]
Host = Annotated[str, Field(pattern=r"^[^\s:/]*$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


class Section(BaseModel):
    """Frozen, and an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Platform(Section):
    """The platform of this checkout; empty for a cluster."""

    run_dir: Path | None = None
    """folder of `make up`; addresses left empty in kafka and hbase are read from there"""


class Kafka(Section):
    """Where Kafka is, and how topics are created."""

    bootstrap_servers: Servers = ""
    """host:port[,host:port]; empty = from the platform of platform.run_dir"""
    partitions: Positive
    """partitions of each topic that is created"""
    replication_factor: Annotated[int, Field(gt=0, le=32767)]
    """copies of each partition"""
    max_message_bytes: Positive
    """largest message that the topics take, in bytes"""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    """how to talk to the brokers"""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    """needed when security_protocol is SASL_*"""
    sasl_username: str = ""
    """needed when security_protocol is SASL_*"""
    sasl_password: SecretStr | None = None
    """secret: only from the environment variable EVERSCORE__KAFKA__SASL_PASSWORD"""
    request_timeout_seconds: PositiveNumber
    """how long one request may take"""


class Hbase(Section):
    """Where HBase's Thrift gateway is, and how tables are created."""

    thrift_host: Host = ""
    """host of the Thrift gateway; empty = from the platform of platform.run_dir"""
    thrift_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """port of the Thrift gateway; 0 = from the platform of platform.run_dir"""
    namespace: Name
    """HBase namespace of the tables: letters, digits and ._-"""
    regions: Annotated[int, Field(gt=0, le=256)]
    """regions that a new table is split into, at most one per two-digit key prefix"""
    state_versions: Positive
    """versions of a customer's state that are kept: must cover the longest replay"""
    timeout_seconds: PositiveNumber
    """how long one call may take"""
    retry_seconds: NumberFromZero
    """how long a worker waits for HBase while it is down, before its task fails"""


class Mlflow(Section):
    """Where runs and models are recorded."""

    tracking_uri: Location
    """tracking server or database, as a URI"""
    artifact_root: Location
    """absolute folder or URI of the artifacts of new experiments"""
    experiment_prefix: Name
    """experiments are named PREFIX-SCENARIO: letters, digits and ._-"""


class Spark(Section):
    """How Spark is started."""

    master: Annotated[str, Field(pattern=r"^(local(\[.+\])?|yarn|spark://.+|k8s://.+)$")]
    """local[*], yarn, spark://host:port or k8s://url"""
    driver_memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*[mgMG]$")]
    """heap of the driver's JVM, such as 2g"""
    jars: Literal["resolved", "provided"]
    """resolved = Kafka's and Delta's jars from the local Maven cache; provided = on the cluster"""
    class_archive: bool
    """true = Java maps Spark's classes from a file that is written once per machine"""
    conf: dict[str, str]
    """any Spark property, as it is"""


class Stream(Section):
    """The scoring stream."""

    checkpoint_root: Location
    """absolute folder or URI of the checkpoints, one below it per scenario; shared by all nodes"""
    starting: Literal["earliest", "latest"]
    """where a stream without a checkpoint begins"""
    max_offsets_per_trigger: Positive
    """most events of one micro-batch"""
    batch_rows: Positive
    """most events that the pass takes at once, the unit of an HBase read and write"""
    state_bytes: Positive
    """most bytes of stored states that the pass takes at once; with more a batch is cut"""
    trigger_seconds: NumberFromZero
    """pause between micro-batches; 0 = none"""
    feature_trigger_seconds: NumberFromZero
    """pause between micro-batches of maintain_features; 0 = none"""
    progress_interval_ms: Positive
    """how often progress is saved: what a crash replays at most"""
    heartbeat_seconds: Annotated[float, Field(gt=0, lt=60)]
    """how often a quiet stream keeps its workers warm; Spark ends an idle one after 60 s"""
    restart_backoff_seconds: PositiveNumber
    """pause before the first restart after a failure; doubled each time"""
    restart_backoff_limit_seconds: PositiveNumber
    """longest pause before a restart"""
    max_restarts_in_a_row: Annotated[int, Field(ge=0)]
    """restarts without progress between them, after which the job gives up"""
    max_future_skew_seconds: NumberFromZero
    """how far in the future an event may be dated"""
    max_event_bytes: Positive
    """larger events are dead letters, in bytes"""
    dead_letter_bytes: Annotated[int, Field(ge=4096, le=16_777_216)]
    """most bytes of a refused event that its dead letter repeats, beside its length and digest"""
    stale_after_seconds: PositiveNumber = 60.0
    """show_score and list_scores mark rows of a partition in which an event has waited longer"""
    deployment_reread_seconds: PositiveNumber
    """how often a worker asks which model to use"""


class Training(Section):
    """Training of models."""

    seed: Annotated[int, Field(ge=0)]
    """seed of every random choice"""
    holdout_fraction: Annotated[float, Field(gt=0, lt=1)]
    """share of the entities that is held out for evaluation"""
    minimum_rows: Positive
    """fewest training rows; with fewer nothing is trained"""
    minimum_rows_per_class: Positive
    """fewest training rows of each outcome"""


class Delta(Section):
    """The Delta tables: archive, training snapshots, batch runs."""

    root: Location
    """absolute folder or URI of the tables, a folder per scenario below it; shared by all nodes"""
    retention_days: Annotated[int, Field(ge=7)]
    """how long older versions stay readable: as long as an audit may reach back"""
    archive_interval_seconds: PositiveNumber
    """pause between two commits of the archive; what it lags behind the stream at least"""
    archive_commit_offsets: Positive
    """most messages of one commit of the archive"""
    compact_after_commits: Positive
    """after so many commits the small files of the day are merged; closed days once, at midnight"""


class Reports(Section):
    """Files for people: audits, profiles, retention lists."""

    folder: Path
    """folder on the machine that runs the job, absolute; created when missing"""
