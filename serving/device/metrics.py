"""What became of the records of devices, for Prometheus."""

from collections.abc import Mapping, Sequence

from reports.metrics_file import Metric
from serving.device.routes import Devices


def device_metrics(devices: Mapping[str, Devices]) -> Sequence[Metric]:
    """Records by scenario and outcome, or the reason of a refusal, since the service started."""
    samples = [
        ({"scenario": name, "outcome": outcome}, float(count))
        for name, of_scenario in devices.items()
        for outcome, count in sorted(of_scenario.sync.counts.all().items())
    ]
    return [
        Metric(
            name="everscore_device_records_total",
            meaning="Records of devices by what became of them",
            samples=samples,
            kind="counter",
        )
    ]
