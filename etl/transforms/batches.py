"""A step of a transform that is one function of a whole batch of rows, in polars.

Some work is no expression of Narwhals: comparing each row with many others, for example. It is done
by a pure function of polars frames, and the result is the caller's kind of frame again:

- of polars, eager and lazy, nothing runs before its owner asks;
- of any other engine the rows are fetched when the transform is called, a DuckDB relation's too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals as nw
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    import dataframely as dy

    from etl.transforms.portable import Lazy

__all__ = ["in_batch"]


def in_batch(
    frame: Lazy, function: Callable[[pl.DataFrame], pl.DataFrame], contract: type[dy.Schema]
) -> Lazy:
    """Give what a function of polars frames makes of all rows at once.

    Parameters
    ----------
    frame
        Any lazy frame.
    function
        A pure function.
    contract
        The columns and types that it gives.

    Examples
    --------
    >>> import dataframely as dy
    >>> class Longest(dy.Schema):
    ...     text = dy.String()
    >>> def longest(rows): return rows.sort(pl.col("text").str.len_chars()).tail(1)
    >>> frame = nw.from_native(pl.LazyFrame({"text": ["a", "bcd", "ef"]}))
    >>> in_batch(frame, longest, Longest).collect().rows()
    [('bcd',)]
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
        return cast("Lazy", nw.from_native(made))
    batch = frame.collect(backend="polars").to_native()
    return _as_frame(function(batch).to_arrow(), frame)


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
