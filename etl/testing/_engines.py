"""The dataframe engines that a transform must mean the same on.

Data is made in polars and handed to each engine; what comes back is read into polars again. To add
one, add an entry to :data:`ENGINES`: the tests take the matrix from here.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import ConfigError
from etl.io.in_memory import duckdb_relations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ENGINES", "Engine", "engine_called", "hand_over", "spark_session"]

_ZONE: Final = "America/New_York"
"""Far from UTC, and with summer time: what leans on a session's zone shows."""

_SPARK: Final[dict[str, bool | float | int | str | None]] = {
    "spark.ui.enabled": "false",
    # Else every expression asks the session ten things, to tell its line of code in an error.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.driver.memory": "1g",
    # It lives for minutes: the time of a better compiler is never earned back.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    # A time without a zone stays one, and is no moment in the session's zone.
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # Preview of a type of its own for times of day; without it Spark has none.
    "spark.sql.timeType.enabled": "true",
    # A few rows are not worth compiling a plan to Java.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.session.timeZone": _ZONE,
    "spark.sql.ansi.enabled": "true",
}


@dataclass(frozen=True)
class Engine:
    """How a frame gets into an engine, and out of it."""

    name: str
    package: str
    """What has to be installed."""
    make: Callable[[pl.DataFrame], Any] = field(repr=False)
    read: Callable[[Any], pl.DataFrame] = field(repr=False)
    keeps_types: bool = True
    """False where the engine itself has no type for a whole number with gaps, or for a date."""
    slow: bool = False
    """A plan takes seconds, whatever its rows: give it one frame of many, and not many of a few."""


def hand_over(engine: Engine, *frames: pl.DataFrame) -> list[Any]:
    """Give frames to an engine such that it can join them: DuckDB's must share a connection.

    Examples
    --------
    >>> [table] = hand_over(ENGINES["pyarrow"], pl.DataFrame({"a": [1]}))
    >>> table.column_names
    ['a']
    """
    if engine.name != "duckdb":
        return [engine.make(frame) for frame in frames]
    return duckdb_relations(*(frame.to_arrow() for frame in frames), time_zone=_ZONE)


def engine_called(name: str) -> Engine:
    """Find an engine.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in ENGINES:
        raise ConfigError(f"there is no engine {name}; choose from {', '.join(ENGINES)}")
    return ENGINES[name]


@cache
def spark_session() -> Any:
    """One local Spark for all tests of a process, far from UTC like DuckDB's connections."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(
            f"Spark needs its package: pip install 'data-orchestration[spark]' ({error})"
        ) from error
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # Functions run in the Python that has this package, not in the first on the PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # Two tasks at once, and three tries for each: the data source's tests kill some.
    builder = SparkSession.builder.master("local[2,3]").appName("etl-tests")
    return builder.config(map=_SPARK).getOrCreate()


def _pandas_numpy(frame: pl.DataFrame) -> Any:
    return frame.to_arrow().to_pandas()


def _pandas_arrow(frame: pl.DataFrame) -> Any:
    import pandas as pd

    return frame.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)


def _from_pandas(frame: Any) -> pl.DataFrame:
    import pyarrow as pa

    return _from_arrow(pa.Table.from_pandas(frame, preserve_index=False))


def _from_arrow(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is no column
    return frame


def _duckdb(frame: pl.DataFrame) -> Any:
    return duckdb_relations(frame.to_arrow(), time_zone=_ZONE)[0]


def _from_duckdb(relation: Any) -> pl.DataFrame:
    return _in_utc(_from_arrow(relation.to_arrow_table()))


def _in_utc(frame: pl.DataFrame) -> pl.DataFrame:
    """The session's zone is how an engine shows a time, not a part of the column's type."""
    aware = [name for name, dtype in frame.schema.items() if getattr(dtype, "time_zone", None)]
    return frame.with_columns(pl.col(aware).dt.convert_time_zone("UTC"))


def _spark(frame: pl.DataFrame) -> Any:
    return spark_session().createDataFrame(frame.to_arrow())


def _from_spark(frame: Any) -> pl.DataFrame:
    return _in_utc(_from_arrow(frame.toArrow()))


def _collect(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect()


def _same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


ENGINES: Final[Mapping[str, Engine]] = {
    engine.name: engine
    for engine in (
        Engine("pandas-numpy", "pandas", _pandas_numpy, _from_pandas, keeps_types=False),
        Engine("pandas-arrow", "pandas", _pandas_arrow, _from_pandas),
        Engine("polars", "polars", _same, _same),
        Engine("polars-lazy", "polars", pl.DataFrame.lazy, _collect),
        Engine("pyarrow", "pyarrow", pl.DataFrame.to_arrow, _from_arrow),
        Engine("duckdb", "duckdb", _duckdb, _from_duckdb),
        Engine("pyspark", "pyspark", _spark, _from_spark, slow=True),
    )
}
