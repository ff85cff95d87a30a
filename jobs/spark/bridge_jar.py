"""The jar of the bridge between Spark's real-time mode and our Python workers."""

from pathlib import Path

import pyspark

from jobs.launcher.checkout import CHECKOUT
from local.compiled import compiled_jar
from local.maven.jars import jars

_SOURCE = CHECKOUT / "streaming" / "real_time" / "FrameBridge.java"


def bridge_jar() -> Path:
    """The jar, compiled against this Spark and its Kafka client on first use.

    Raises JarsUnavailable and JavaUncompiled.
    """
    spark = Path(pyspark.__file__).parent / "jars"
    return compiled_jar(_SOURCE, classpath=[f"{spark}/*", f"{jars('spark')}/*"])
