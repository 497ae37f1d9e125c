"""A step of a transform that is one function of a whole batch of rows, in polars.

Some work is no expression of Narwhals: comparing each row with many others, for example. It is done
by a pure function of polars frames, and the result is the caller's kind of frame again:

- of polars and Spark, nothing runs before its owner asks; Spark calls the function for some groups
  at a time, where they are;
- of any other engine the rows are fetched when the transform is called, a DuckDB relation's too.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, cast

import narwhals as nw
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import dataframely as dy

    from etl.transforms.portable import FrameT, Lazy

__all__ = ["at_once", "in_batch", "settled"]


def in_batch(
    frame: Lazy,
    function: Callable[[pl.DataFrame], pl.DataFrame],
    contract: type[dy.Schema],
    *,
    by: str,
) -> Lazy:
    """Give what a function of polars frames makes of the groups of a frame.

    Parameters
    ----------
    frame
        Any lazy frame.
    function
        A pure function; it is given one group, or several.
    contract
        The columns and types that it gives.
    by
        The column that tells groups apart.

    Examples
    --------
    >>> import dataframely as dy
    >>> class Longest(dy.Schema):
    ...     text = dy.String()
    >>> def longest(rows):
    ...     long = pl.col("text").str.len_chars()
    ...     return rows.filter(long == long.max().over("group")).select("text")
    >>> frame = nw.from_native(pl.LazyFrame({"group": [1, 1, 2], "text": ["a", "bcd", "ef"]}))
    >>> in_batch(frame, longest, Longest, by="group").collect().rows()
    [('bcd',), ('ef',)]
    """
    if frame.implementation.is_polars():
        native: pl.LazyFrame = frame.to_native()
        made = native.map_batches(
            function,
            schema=pl.Schema(contract),
            predicate_pushdown=False,
            projection_pushdown=False,
            slice_pushdown=False,
        )
        return nw.from_native(made)
    if frame.implementation.is_spark_like():
        return _in_spark(frame, function, contract, by)
    batch = frame.collect(backend="polars").to_native()
    return _as_frame(function(batch).to_arrow(), frame)


def at_once(function: Callable[..., FrameT], *frames: FrameT, contract: type[dy.Schema]) -> FrameT:
    """Run a function of many steps on frames; of polars LazyFrames all of it as one lazy step.

    A plan of many steps that use one another's results would compute them again and again.

    Examples
    --------
    >>> import dataframely as dy
    >>> class Count(dy.Schema):
    ...     rows = dy.Int64()
    >>> def count(frame): return frame.select(pl.len().cast(pl.Int64).alias("rows"))
    >>> at_once(count, pl.LazyFrame({"a": [1, 2]}), contract=Count).collect().item()
    2
    """
    if not any(isinstance(frame, pl.LazyFrame) for frame in frames):
        return function(*frames)

    def compute() -> pl.DataFrame:
        return cast(
            "pl.DataFrame", function(*(cast("Any", frame).lazy().collect() for frame in frames))
        )

    return cast("FrameT", pl.defer(compute, schema=pl.Schema(contract)))


def settled(frame: FrameT) -> FrameT:
    """Compute a DuckDB relation or a Spark frame that much is built upon; others stay as they are.

    Native frames and Narwhals' lazy ones come back as what they are.

    Examples
    --------
    >>> settled(pl.DataFrame({"a": [1]})).item()
    1
    """
    made: Any = nw.from_native(cast("Any", frame))
    if made.implementation.is_duckdb():
        computed: Any = _as_frame(made.to_native().to_arrow_table(), made)
    elif made.implementation.is_spark_like():
        computed = nw.from_native(made.to_native().localCheckpoint())
    else:
        return frame
    return cast("FrameT", computed if isinstance(frame, nw.LazyFrame) else computed.to_native())


def _in_spark(
    frame: Lazy,
    function: Callable[[pl.DataFrame], pl.DataFrame],
    contract: type[dy.Schema],
    by: str,
) -> Lazy:
    import pyarrow as pa

    empty = contract.create_empty().to_arrow()

    def of_partition(batches: Iterator[Any]) -> Iterator[Any]:
        if told := list(batches):
            found = function(cast("pl.DataFrame", pl.from_arrow(pa.Table.from_batches(told))))
            yield from found.to_arrow().cast(empty.schema).to_batches()

    native: Any = frame.to_native()
    types = native.sparkSession.createDataFrame(empty).schema
    with warnings.catch_warnings():
        # Spark warns of pandas' version before any function; this one has nothing to do with pandas.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        return cast("Lazy", nw.from_native(native.repartition(by).mapInArrow(of_partition, types)))


def _as_frame(rows: Any, like: Lazy) -> Lazy:
    """Make an Arrow table a frame of another's engine."""
    native: Any = rows
    if like.implementation.is_pandas():
        import pandas as pd

        native = rows.to_pandas(types_mapper=pd.ArrowDtype)
    elif like.implementation.is_duckdb():
        # A relation joins only with those of its own connection; DuckDB finds `rows` by its name.
        relation: Any = like.to_native()
        native = relation.query("etl_batch", "SELECT * FROM rows")
    return cast("Lazy", nw.from_native(native).lazy())
