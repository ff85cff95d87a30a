"""Which of Java's compilers a Spark on this machine uses.

conf/local.toml asks for the quick one, which suits jobs of a minute. Settings that do not ask for
it, such as a cluster's, stay as they are: Java then uses both, as usual.
"""

from conf.settings import Settings
from jobs.launcher.checkout import CHECKOUT
from jobs.spark.properties import java_option

_JAVA_OPTIONS, _QUICK = "spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1"
_DIRECTIVES = CHECKOUT / "conf" / "stream-compiler.json"
# Java reports on stdout that it has read the file.
_PER_EVENT = "-XX:+UnlockDiagnosticVMOptions -XX:-DisplayVMOutput " + java_option(
    f"-XX:CompilerDirectivesFile={_DIRECTIVES}"
)


def for_streams(settings: Settings) -> Settings:
    """The full compiler for what runs per event, the quick one for what runs per micro-batch.

    See docs/decisions/2026-11-21-speed.md for the gain. Without the file that tells them apart the
    quick one stays: Java would not start.
    """
    if not _DIRECTIVES.is_file():
        return settings
    return _instead_of_quick(settings, _PER_EVENT)


def for_long_batches(settings: Settings) -> Settings:
    """The full compiler for everything; see docs/decisions for batch scoring."""
    return _instead_of_quick(settings, "")


def _instead_of_quick(settings: Settings, options: str) -> Settings:
    conf = dict(settings.spark.conf)
    java_options = conf.get(_JAVA_OPTIONS, "")
    if _QUICK not in java_options.split():
        return settings
    conf[_JAVA_OPTIONS] = java_options.replace(_QUICK, options).strip()
    return settings.model_copy(update={"spark": settings.spark.model_copy(update={"conf": conf})})
