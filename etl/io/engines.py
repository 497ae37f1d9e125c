"""The dataframe engine of a run: polars frames are handed to it, and what it gives is brought back.

Transforms are the same on every engine (:mod:`etl.transforms.portable`); a run reads, checks and
writes in polars. Here is the one place where frames change hands.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from etl.config import FrameEngine
from etl.errors import ConfigError
from etl.io.names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    import polars as pl

    from etl.config import Config

    Take: TypeAlias = Callable[[pl.DataFrame], Any]

__all__ = ["FRAME_ENGINES", "frame_engine", "opened_engine", "to_polars"]

FRAME_ENGINES: Final[tuple[FrameEngine, ...]] = get_args(FrameEngine)


def frame_engine(name: str) -> FrameEngine:
    """Check the name of a dataframe engine.

    >>> frame_engine("duckbd")
    Traceback (most recent call last):
    etl.errors.ConfigError: no engine 'duckbd': choose polars, ... (did you mean 'duckdb'?)
    """
    for known in FRAME_ENGINES:
        if name == known:
            return known
    hint = did_you_mean(name, FRAME_ENGINES)
    raise ConfigError(f"no engine {name!r}: choose {', '.join(FRAME_ENGINES)}{hint}")


@contextmanager
def opened_engine(name: FrameEngine, config: Config) -> Iterator[Take]:
    """Open an engine; gives the function that makes its frame of a polars one.

    Frames of one opening can be joined. What is lazy has to be brought back before it is closed.

    Parameters
    ----------
    name
        Of :data:`FRAME_ENGINES`. ``pandas`` has Arrow dtypes, which keep every type and null.
    config
        Says where Spark is.

    Raises
    ------
    ConfigError
        The engine lacks a package, or Spark can't be reached.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.config import Config
    >>> with opened_engine("duckdb", None) as take:
    ...     to_polars(take(pl.DataFrame({"a": [1, 2]})).filter("a > 1"))["a"].to_list()
    [2]
    """
    if name == "spark":
        from etl.io.spark.session import opened_spark

        with opened_spark(config.spark()) as take:
            yield take
    elif name == "duckdb":
        with _duckdb() as take:
            yield take
    else:
        yield _IN_MEMORY[name]


def to_polars(frame: Any) -> pl.DataFrame:
    """Bring a frame of any engine, eager or lazy, to polars; moments are in UTC.

    >>> import pandas as pd
    >>> to_polars(pd.DataFrame({"a": [1]})).rows()
    [(1,)]
    """
    import narwhals as nw
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    native = nw.from_native(frame)
    if isinstance(native, nw.LazyFrame):
        speaks_sql = native.implementation.is_duckdb() or native.implementation.is_spark_like()
        rows: pl.DataFrame = native.collect(backend="polars").to_native()
        if (
            speaks_sql
        ):  # the session's zone is how the engine shows a moment, not what was asked for
            rows = rows.with_columns(
                pl.selectors.datetime(time_zone="*").dt.convert_time_zone("UTC")
            )
        return rows
    return cast("pl.DataFrame", native.to_polars())


def _same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


def _lazy(frame: pl.DataFrame) -> pl.LazyFrame:
    return frame.lazy()


def _pandas(frame: pl.DataFrame) -> Any:
    from etl.io.frames import to_backend

    return to_backend(frame, "pandas")


def _pyarrow(frame: pl.DataFrame) -> Any:
    from etl.io.frames import to_backend

    return to_backend(frame, "pyarrow")


_IN_MEMORY: Final[dict[str, Take]] = {
    "polars": _same,
    "polars-lazy": _lazy,
    "pandas": _pandas,
    "pyarrow": _pyarrow,
}


@contextmanager
def _duckdb() -> Iterator[Take]:
    """A database in memory, of this run alone."""
    try:
        import duckdb
    except ImportError as error:
        raise ConfigError(
            f"the engine duckdb needs its package: pip install 'data-orchestration[duckdb]' ({error})"
        ) from error
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield lambda frame: connection.from_arrow(_pyarrow(frame))
    finally:
        connection.close()
