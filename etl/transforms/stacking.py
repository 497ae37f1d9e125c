"""Columns on top of one another: a row for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals as nw

from etl.transforms.portable import quoted

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
    if not columns:
        nothing = rows.filter(nw.lit(value=False)).select(*keep)
        return nothing.with_columns(nw.lit("").alias(name), nw.lit(0, dtype=nw.Int64).alias(value))
    if rows.implementation.is_duckdb() or rows.implementation.is_spark_like():
        # One pass: a branch for each column would compute everything before it once more.
        called = nw.col(name).replace_strict(
            list(columns), list(columns.values()), default=None, return_dtype=nw.String
        )
        long = _unpivoted(rows.select(*keep, *columns), columns, keep, name, value)
        return long.filter(nw.col(value) > 0).with_columns(called.alias(name))
    return nw.concat(
        [
            rows.filter(nw.col(column) > 0).select(
                *keep, nw.lit(called).alias(name), nw.col(column).alias(value)
            )
            for column, called in columns.items()
        ]
    )


def _unpivoted(
    rows: Lazy, columns: Mapping[str, str], keep: Sequence[str], name: str, value: str
) -> Lazy:
    """Stack all columns; DuckDB leaves nulls out, which are not above 0 anyway."""
    if not rows.implementation.is_duckdb():
        return rows.unpivot(list(columns), index=list(keep), variable_name=name, value_name=value)
    # Narwhals' own asks DuckDB's default connection, which does not know others' relations.
    relation: Any = rows.to_native()
    among = ", ".join(quoted(column) for column in columns)
    long = f"FROM etl_wide UNPIVOT ({quoted(value)} FOR {quoted(name)} IN ({among}))"
    return cast("Lazy", nw.from_native(relation.query("etl_wide", long)))
