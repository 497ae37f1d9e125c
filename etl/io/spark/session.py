"""A Spark session that means what the transforms mean, whoever has started it."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from etl.errors import ConfigError
from etl.io.spark.types import as_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import polars as pl

    from etl.config import SparkSettings

__all__ = ["MEANING", "opened_spark", "spark_session"]

MEANING: Final[Mapping[str, str]] = {
    # A time without a zone stays one, and is no moment in the session's zone.
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # A type of its own for times of day; without it Spark has none.
    "spark.sql.timeType.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # What can't be computed is an error and no null.
    "spark.sql.ansi.enabled": "true",
    # Frames go to and fro by Arrow; what does not is an error, and not slow.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Constraints of many columns that are made of each other take the optimizer minutes.
    "spark.sql.constraintPropagation.enabled": "false",
}
"""The session's settings that transforms lean on; all of them can be set while it runs."""

_LOCAL: Final[Mapping[str, str]] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # The default of 200 is a cluster's: here each is a task of some milliseconds.
    "spark.sql.shuffle.partitions": "4",
    "spark.log.level": "ERROR",
}
"""Of a session on this machine that is started here, where the configuration says nothing else."""


def spark_session(settings: SparkSettings) -> Any:
    """The session that is active, else that of a Connect server, else one on a master.

    Raises
    ------
    ConfigError
        pyspark or Java is missing, or Spark can't be reached.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(
            f"Spark needs pyspark: pip install 'data-orchestration[spark]' ({error})"
        ) from error
    try:
        active = SparkSession.getActiveSession()
        if active is not None:
            return active
        builder: Any = SparkSession.builder.appName("etl")
        if settings.remote:
            where = "the Spark Connect server"
            # pyspark looks for a master first, and then takes no remote.
            return builder.remote(settings.remote).getOrCreate()
        where = f"Spark ({settings.master})"
        _need_java()
        own: dict[str, str] = {}
        if settings.master.startswith("local"):
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
            # Functions run in the Python that has this package, not in the first on the PATH.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            own |= _LOCAL
        for name, value in {**own, **settings.config}.items():
            builder = builder.config(name, value)
        return builder.master(settings.master).getOrCreate()
    except ConfigError:
        raise
    except ImportError as error:
        raise ConfigError(
            f"Spark Connect lacks a package: pip install 'data-orchestration[spark]' ({error})"
        ) from error
    except (PySparkException, OSError, RuntimeError) as error:
        text = " ".join(str(error).split())[:300]
        raise ConfigError(f"{where} can't be started: {text}; see spark: in config.yaml") from error


def _need_java() -> None:
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise ConfigError(
            "Spark needs Java 17 or later on this machine: apt install default-jre-headless, or "
            "set JAVA_HOME; a Spark Connect server (SPARK_REMOTE) needs none here"
        )


@contextmanager
def opened_spark(settings: SparkSettings) -> Iterator[Callable[[pl.DataFrame], Any]]:
    """A session of a run's own: gives the function that makes Spark frames of polars ones.

    The settings of a caller's session stay as they are.
    """
    base = spark_session(settings)
    session = base.newSession()
    for name, value in MEANING.items():
        session.conf.set(name, value)
    try:
        yield lambda frame: session.createDataFrame(as_arrow(frame))
    finally:
        base.createDataFrame([], "a int")  # makes it the active one again
