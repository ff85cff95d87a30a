"""Where Kafka and HBase are: from the settings, or from the platform of this checkout."""

from conf.settings import Settings
from jobs.launcher.services import ServiceDown
from local.endpoints import read_endpoints
from local.errors import PlatformNotRunning


def resolve_endpoints(settings: Settings) -> Settings:
    """Settings with every address filled in; those given by the user stay.

    Raises ServiceDown when an address is missing and the platform does not run.
    """
    kafka, hbase, run_dir = settings.kafka, settings.hbase, settings.platform.run_dir
    if run_dir is None or (kafka.bootstrap_servers and hbase.thrift_host and hbase.thrift_port):
        return settings
    try:
        platform = read_endpoints(run_dir)
    except PlatformNotRunning as error:
        raise ServiceDown(str(error)) from error
    servers = kafka.bootstrap_servers or platform.kafka_bootstrap_servers
    host = hbase.thrift_host or platform.hbase_thrift_host
    port = hbase.thrift_port or platform.hbase_thrift_port
    return settings.model_copy(
        update={
            "kafka": kafka.model_copy(update={"bootstrap_servers": servers}),
            "hbase": hbase.model_copy(update={"thrift_host": host, "thrift_port": port}),
        }
    )
