"""What measurements share: the samples that count, and an error for figures that mislead."""

from monitoring.live.latency_probe import LatencyProbe
from proofs.load import Load

MS_PER_SECOND = 1000.0


class MeasurementUnsound(RuntimeError):
    """The figures would mislead; the message says why."""

    exit_code = 1


def in_window(probe: LatencyProbe, load: Load) -> list[float]:
    """Latencies of events dated within the measured time, whenever they became readable."""
    dated = [(sample.readable_at - sample.seconds, sample.seconds) for sample in probe.samples]
    begin = min((at for at, _ in dated), default=0.0) + load.warm_up_seconds
    return [seconds for at, seconds in dated if begin <= at < begin + load.seconds]
