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
Share = Annotated[float, Field(ge=0, le=1)]
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

    mode: Literal["micro-batch", "real-time"]
    """how score_stream runs: batches one after the other, or an event at once at more CPU"""
    real_time_batch_seconds: Annotated[float, Field(ge=5)]
    """how long a batch of real-time mode lasts; between two the stream stands still for a moment"""
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
    trial_failed_share: Annotated[float, Field(gt=0, le=1)] = 0.01
    """a challenger or shadow that fails a larger share of its events is withdrawn by the stream"""
    trial_time_ratio: Annotated[float, Field(ge=1)] = 20.0
    """and one that takes more than so many times the champion's time per event …"""
    trial_event_seconds: PositiveNumber = 0.0002
    """… and more than so much of it"""


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
    acted_on: dict[str, Literal["keep", "refuse", "control", "weight"]] = {}
    """SCENARIO → what becomes of rows of customers that were acted on; without an entry refuse
    where the scenario has a control group and outcomes, else keep"""


class GateChanges(Section):
    """Bounds of one scenario in place of those that hold for all; each as in `gates`."""

    minimum_auroc: Share | None = None
    """lowest AUROC on the held-out rows"""
    maximum_auroc: Share | None = None
    """a higher AUROC is too good to be true"""
    maximum_loss: Share | None = None
    """most average precision that a version may lose against the champion"""
    maximum_calibration_error: Share | None = None
    """highest expected calibration error"""
    minimum_recall: Share | None = None
    """lowest share of positive cases that do not end in the lowest band"""
    slice_minimum_auroc: Share | None = None
    """lowest AUROC in each slice"""


class Gates(Section):
    """What a model version must show before it is promoted."""

    minimum_auroc: Share
    """lowest AUROC on the held-out rows"""
    minimum_lift: NumberFromZero
    """lowest average precision, as a multiple of the share of positives"""
    maximum_auroc: Share
    """a higher AUROC is too good to be true: some column reveals the outcome"""
    maximum_loss: Share
    """most average precision that a version may lose against the champion on the same rows"""
    maximum_calibration_error: Share
    """highest expected calibration error"""
    minimum_recall: Share = 0.0
    """lowest share of positive cases that do not end in the lowest band; 0: not asked for"""
    minimum_spread: Share
    """least distance of the 1st and the 99th percentile of the scores"""
    slice_minimum_auroc: Share
    """lowest AUROC in each slice"""
    slice_minimum_rows: Positive
    """a slice with fewer held-out rows is reported as too small to say"""
    slice_minimum_per_class: Positive
    """the same with fewer rows of either outcome"""
    maximum_latency_us: PositiveNumber
    """longest time for a row's score, in microseconds, measured on the version's probe set"""
    minimum_reason_agreement: Share
    """least share of reasons whose direction is that of the score when their feature changes"""
    bootstrap_rounds: Positive
    """resamples behind each interval"""
    slices: dict[str, list[float]]
    """SCENARIO.FEATURE → limits of its bands, rising; none: a slice per value"""
    scenarios: dict[str, GateChanges] = {}
    """SCENARIO → bounds of its own"""


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


class MonitoringRule(Section):
    """When a measurement or an alarm asks for something, and for what."""

    scenarios: list[str]
    """names of the scenarios it holds for; ["*"] = all, [] = none"""
    on: Literal["measurement", "alarm"]
    """what it looks at"""
    metric: str = ""
    """of a measurement: auroc, average_precision, precision, recall, calibration_error, cost …"""
    part: str = ""
    """of a measurement: empty = all cases; else a pattern for slices such as contract=*"""
    maturity: Literal["estimated", "partial", "mature"] = "mature"
    """of a measurement: which of its values counts"""
    below: float | None = None
    """of a measurement: a lower value violates the rule"""
    above: float | None = None
    """of a measurement: a higher value violates the rule"""
    whole_interval: bool = False
    """of a measurement: true = the whole interval must lie beyond the bound, not only the value"""
    min_labels: Annotated[int, Field(ge=0)] = 200
    """of a measurement: with fewer labels (cases, when it is estimated) it says nothing"""
    alarm: Literal["", "risk", "drift", "data", "slice", "service"] = ""
    """of an alarm: its kind"""
    subject: str = "*"
    """of an alarm: a pattern for what it is about"""
    only_harm: bool = False
    """of an alarm: true = only one that says that predictions are worse, not only different"""
    n: Positive = 1
    """so many periods must violate it, with the latest among them …"""
    m: Positive = 1
    """… of so many"""
    actions: list[
        Literal[
            "alert",
            "build_snapshot",
            "retrain",
            "run_gates",
            "promote_challenger",
            "promote_champion",
            "roll_back",
            "page_person",
        ]
    ]
    """what is done, in this order; the first that fails ends it"""
    cooldown_periods: Annotated[int, Field(ge=0)] = 0
    """for so many periods after a decision the rule decides nothing"""


class CaseCosts(Section):
    """What a wrong decision on one case costs, in the scenario's currency."""

    missed: PositiveNumber
    """of a positive case below the highest band"""
    false_alarm: PositiveNumber
    """of a negative case in it"""


class Offers(Section):
    """What business figures of a scenario that makes offers need."""

    bands: list[str]
    """those in which the policy acts"""
    customer_value: PositiveNumber
    """what a customer who stays is worth"""
    currency: str
    """for the page"""


class Reviews(Section):
    """What business figures of a scenario that reviews and blocks need."""

    review_bands: list[str]
    """those whose cases are reviewed"""
    blocked_bands: list[str]
    """those whose cases are blocked without a review"""
    false_alarm_cost: PositiveNumber
    """of a good case that is blocked"""
    review_cost: PositiveNumber
    """of one review"""
    cards_per_day: PositiveNumber
    """entities that reviewers can take in a day"""
    currency: str
    """for the page"""


class Monitoring(Section):
    """How the quality of running models is measured, and what follows."""

    period_days: PositiveNumber
    """length of a period: its predictions are measured together"""
    periods: Positive
    """how many periods back `monitor` reads and shows"""
    failing_periods: Positive
    """so many failing periods in a row end automation for the scenario and page a person"""
    horizon_days: dict[str, NumberFromZero] = {}
    """SCENARIO → an outcome counts for a prediction up to so long after it; without an entry 30"""
    amounts: dict[str, Name] = {}
    """SCENARIO → the feature that holds the money at stake"""
    costs: dict[str, CaseCosts] = {}
    """SCENARIO → by which the cost per case is measured; without an entry it is not"""
    rare_positives: list[str] = []
    """scenarios of few positive outcomes: their risk is 1 - AUROC in place of the Brier score"""
    false_alarm_budget: Annotated[float, Field(gt=0.0, le=0.5)]
    """probability of any false alarm of risk, slices or late labels in the whole life of a model"""
    tolerated_rise: dict[str, NumberFromZero] = {}
    """SCENARIO → share of the reference's loss that the loss may rise; without an entry 0.05"""
    challenger_share: Share
    """share of the entities for which a version decides that a rule makes challenger"""
    page_address: str = ""
    """where reports.folder is published, for links in alerts; empty = links name the file"""
    offers: dict[str, Offers] = {}
    """SCENARIO → what its business figures need, when it makes offers"""
    reviews: dict[str, Reviews] = {}
    """SCENARIO → what its business figures need, when it reviews and blocks"""
    rules: dict[str, MonitoringRule] = {}
    """name → rule"""


class Waiting(Section):
    """What it costs when a case of a scenario waits for its review, in the scenario's currency."""

    positive_per_hour: NumberFromZero
    """of a positive case: nobody acts upon it"""
    negative_per_hour: NumberFromZero
    """of a negative case: it is held up for nothing"""
    late: NumberFromZero
    """of a case that is decided after its due time"""


class Review(Section):
    """The queue of cases that people review."""

    lease_seconds: PositiveNumber
    """a claim that its reviewer leaves alone for as long ends"""
    due_hours: PositiveNumber
    """from a case's arrival to its due time"""
    most_snooze_hours: PositiveNumber
    """the longest time for which a case can be put off"""
    second_opinion_share: Share
    """share of the cases that two people decide, to measure how far reviewers agree"""
    waiting: dict[str, Waiting] = {}
    """SCENARIO → what waiting costs; without it the score decides which case comes first"""


class Alerts(Section):
    """Where alerts go; without webhook and SMTP server they stand in the output only."""

    webhook_url: SecretStr | None = None
    """takes alerts as JSON by POST; secret: only from EVERSCORE__ALERTS__WEBHOOK_URL"""
    smtp_host: Host = ""
    """mail server; empty = no mail"""
    smtp_port: Annotated[int, Field(gt=0, le=65535)]
    """port of the mail server"""
    smtp_security: Literal["none", "starttls", "tls"]
    """how the connection to the mail server is encrypted"""
    smtp_username: str = ""
    """empty = no login"""
    smtp_password: SecretStr | None = None
    """secret: only from the environment variable EVERSCORE__ALERTS__SMTP_PASSWORD"""
    sender: str
    """address that mails come from"""
    recipients: list[str]
    """addresses that mails go to"""
    timeout_seconds: PositiveNumber
    """how long one attempt may take"""
    attempts: Positive
    """how often an alert is tried; what fails then is sent by the next run"""
    runbook_address: str
    """where docs/runbook.md is published, for links in alerts"""


class Oidc(Section):
    """The provider whose bearer tokens the web service takes beside its own keys."""

    issuer: str = ""
    """what tokens name as `iss`; empty = only keys are taken"""
    audience: str = ""
    """what tokens must name as `aud`; needed with an issuer"""
    jwks: str = ""
    """file or https address of the provider's public keys; needed with an issuer"""
    roles_claim: str
    """where a token names roles: agent, reviewer, scientist, operator, auditor; dots go deeper"""
    leeway_seconds: NumberFromZero
    """how far the clocks of provider and service may differ"""


class Serving(Section):
    """The web service and its pages: `serve`."""

    host: Host
    """address that it listens on; 127.0.0.1 = reached from this machine only"""
    port: Annotated[int, Field(ge=0, le=65535)]
    """port that it listens on; 0 = any free one, which is printed"""
    keys_file: Path | None = None
    """file of the keys, made by `serve --new-key`; only its owner may read it; absolute"""
    keys: SecretStr | None = None
    """further keys, ID:SHA256:NAME:ROLE[+ROLE],…; secret: only from EVERSCORE__SERVING__KEYS"""
    session_hours: PositiveNumber
    """how long a login at the pages lasts"""
    max_body_bytes: Positive
    """largest body of a request, in bytes"""
    max_body_levels: Positive
    """how deeply the JSON of a request may be nested"""
    body_seconds: PositiveNumber
    """how long a request's head or body may take to arrive"""
    connections: Positive
    """most connections at once; a further one gets 503"""
    concurrent_scores: Positive
    """most scorings at once; a further one gets 429, while latest rows are read all the same"""
    concurrent_histories: Positive
    """most readings of the archive at once; as above"""
    subscribers: Positive
    """most clients that follow live changes at once; as above"""
    device_refresh_hours: PositiveNumber
    """for so long a device scores without asking again"""
    retry_seconds: NumberFromZero
    """how long a request waits for HBase while it is down, before it gets 503"""
    ready_lag_seconds: PositiveNumber
    """the service is not ready while an event has waited longer for the stream"""
    access_log: bool
    """true = a JSON line for each request on stderr, without ids of customers"""
    oidc: Oidc
