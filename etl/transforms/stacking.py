"""Columns on top of one another: a row for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.transforms.portable import Lazy

__all__ = ["stacked"]


def stacked(
    rows: Lazy, columns: Mapping[str, str], *, keep: Sequence[str], name: str, value: str
) -> Lazy:
    """Give a row for each of some columns that has a value above 0.

    Parameters
    ----------
    rows
        Any lazy frame.
    columns
        Columns of whole numbers, and what each is called in ``name``; two may be called the same.
    keep
        Columns that every row keeps.
    name, value
        The new columns: what a column is called, and its value.

    Examples
    --------
    >>> import polars as pl
    >>> wide = nw.from_native(pl.LazyFrame({"po": ["A", "B"], "_0": [3, 0], "_1": [None, 7]}))
    >>> stacked(wide, {"_0": "S", "_1": "M"}, keep=["po"], name="size", value="qty").collect().rows()
    [('A', 'S', 3), ('B', 'M', 7)]
    """
    if rows.implementation.is_spark_like():
        # One pass: a branch for each column would compute everything before it once more.
        long = rows.select(*keep, *columns).unpivot(
            list(columns), index=list(keep), variable_name=name, value_name=value
        )
        called = nw.col(name).replace_strict(
            list(columns), list(columns.values()), default=nw.col(name), return_dtype=nw.String
        )
        return long.filter(nw.col(value) > 0).with_columns(called.alias(name))
    # DuckDB's own unpivot would drop rows whose value is null, silently, and look for the rows in
    # another connection.
    return nw.concat(
        [
            rows.filter(nw.col(column) > 0).select(
                *keep, nw.lit(called).alias(name), nw.col(column).alias(value)
            )
            for column, called in columns.items()
        ]
    )
