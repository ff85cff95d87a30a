"""The named errors of the local platform; each message states the value and the remedy."""


class PlatformError(Exception):
    """Anything that keeps the local platform from doing what was asked."""


class JarsUnavailable(PlatformError):
    """The jars of a service could not be resolved with Maven."""


class JavaUncompiled(PlatformError):
    """A Java program of ours does not compile with the Java at hand; the message ends with why."""


class ProcessFailed(PlatformError):
    """A process died, or did not answer in time; the message ends with its last log lines."""


class PlatformNotRunning(PlatformError):
    """There is no running platform in the run folder."""


class PlatformBusy(PlatformError):
    """Another command works on the same run folder."""


class DamagedData(PlatformError):
    """A data folder that held acknowledged data lost a part; nothing was erased."""


class TableAdminFailed(PlatformError):
    """HBase refused to create or drop a table."""
