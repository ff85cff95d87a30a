"""HBase standalone: ZooKeeper, master and region server in one JVM, data on the local disk."""

from pathlib import Path
from xml.sax.saxutils import escape

from local import java
from local.servers.ports import HOST, Ports
from reports.files import write_text

_LOG4J = """\
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.EnhancedPatternLayout
log4j.appender.console.layout.ConversionPattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %-5p %c{2}: %m%n
log4j.logger.org.apache.hadoop.hbase.master.HMaster=INFO
log4j.logger.org.apache.hadoop.hbase.thrift.ThriftServer=INFO
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
log4j.logger.org.apache.hadoop.metrics2=ERROR
"""  # noqa: E501

_OPENED = (
    "java.io java.nio sun.nio.ch java.lang jdk.internal.ref java.lang.reflect java.util "
    "java.util.concurrent"
)
_EXPORTED = (
    "java.base/jdk.internal.misc java.security.jgss/sun.security.krb5 java.base/sun.net.dns "
    "java.base/sun.net.util"
)
# New cells live until they are flushed: a young generation that keeps to 20 ms is small, and each
# of them is copied again and again.
_LONGER_PAUSES = ("-XX:MaxGCPauseMillis=100",)
# What HBase 2.6 reaches into on Java 17.
JAVA_17_OPTIONS = (
    "-Dorg.apache.hbase.thirdparty.io.netty.tryReflectionSetAccessible=true",
    "--add-modules=jdk.unsupported",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED.split()),
    *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTED.split()),
)


def site(folder: Path, ports: Ports) -> dict[str, str]:
    """The settings that master, gateway and admin tool share."""
    return {
        "hbase.cluster.distributed": "false",
        "hbase.rootdir": f"file://{folder / 'data'}",
        "hbase.tmp.dir": str(folder / "tmp"),
        "hbase.zookeeper.property.dataDir": str(folder / "zk"),
        "hbase.zookeeper.property.clientPort": str(ports.zookeeper),
        "hbase.zookeeper.quorum": HOST,
        # A local file system has no hflush; without these two HBase refuses to start on it.
        "hbase.unsafe.stream.capability.enforce": "false",
        "hbase.wal.provider": "filesystem",
        # Hadoop's 4 KiB make a system call of every nine of its checksums.
        "io.file.buffer.size": "131072",
        "hbase.master.hostname": "localhost",
        "hbase.master.ipc.address": HOST,
        "hbase.master.port": str(ports.hbase_master),
        "hbase.master.info.port": "-1",
        "hbase.regionserver.hostname": "localhost",
        "hbase.regionserver.ipc.address": HOST,
        "hbase.regionserver.port": str(ports.hbase_regionserver),
        "hbase.regionserver.info.port": "-1",
        "hbase.regionserver.handler.count": "30",
        "hbase.thrift.info.port": "-1",
        # Rows are written far more often than read from files, and bloom filters find the file:
        # merging ten files instead of three rewrites each row half as often.
        "hbase.hstore.compaction.min": "10",
        "hbase.hstore.blockingStoreFiles": "32",
        # What was deleted and compacted away leaves the disk within a minute, not within a quarter
        # of an hour: an erasure is not over before.
        "hbase.hfile.compaction.discharger.interval": "10000",
        "hbase.master.cleaner.interval": "10000",
        "hbase.master.hfilecleaner.ttl": "10000",
        "hbase.master.logcleaner.ttl": "10000",
        # Files of large values (MOB) go when they are an hour old, which HBase needs to be sure
        # that no compaction is about to use them; it looks once a day otherwise.
        "hbase.master.mob.cleaner.period": "600",
        # One region server in the same JVM: do not wait 4.5 s for more of them to report.
        "hbase.master.wait.on.regionservers.maxtostart": "1",
        "hbase.regionserver.msginterval": "500",
        # On the way down ZooKeeper goes first: with the default retries the region server
        # takes 25 s to give up on it.
        "zookeeper.recovery.retry": "1",
        "zookeeper.recovery.retry.intervalmill": "200",
    }


def prepare(folder: Path, ports: Ports) -> None:
    """Write the settings into `folder`/conf; HBase makes its data folders itself."""
    properties = "".join(
        f"<property><name>{name}</name><value>{escape(value)}</value></property>\n"
        for name, value in site(folder, ports).items()
    )
    xml = f"<configuration>\n{properties}</configuration>\n"
    write_text(folder / "conf" / "hbase-site.xml", xml)
    write_text(folder / "conf" / "log4j.properties", _LOG4J)


def command(folder: Path, *, jar_folder: Path, log_folder: Path, heap_mb: int) -> list[str]:
    """The command line of ZooKeeper, master and region server."""
    return java.server(
        "org.apache.hadoop.hbase.master.HMaster",
        "start",
        classpath=classpath(folder, jar_folder=jar_folder),
        heap_mb=heap_mb,
        options=(*JAVA_17_OPTIONS, *_LONGER_PAUSES),
        crash_folder=log_folder,
    )


def classpath(folder: Path, *, jar_folder: Path) -> list[str]:
    """Settings first, then the jars."""
    return [str(folder / "conf"), f"{jar_folder}/*"]


def find_damage(folder: Path) -> str | None:
    """What is missing or corrupt in the data of an HBase that once worked; None when nothing."""
    for path in (folder / "data" / "hbase.version", folder / "data" / "hbase.id"):
        if not path.is_file():
            return f"{path} is missing"
        if not path.read_bytes().startswith(b"PBUF"):
            return f"{path} does not start with the bytes PBUF"
    if not any((folder / "zk").glob("*/version-2")):
        return f"{folder / 'zk'} holds no ZooKeeper data"
    return None
