"""Rows of a DBAPI cursor as polars frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.errors import ContractError, LoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Decoder", "ResultColumn", "check_names", "plain_series"]


@dataclass(frozen=True)
class ResultColumn:
    """One column of a result; ``dtype`` None where only the values can tell."""

    name: str
    dtype: pl.DataType | None


def check_names(names: Sequence[str]) -> None:
    """Refuse a result that no frame can hold: a name twice, or none.

    >>> check_names(["a", "a"])
    Traceback (most recent call last):
    etl.errors.ContractError: two columns of the result have one name: ['a']; give one an alias (AS)
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ContractError(
            f"two columns of the result have one name: {twice}; give one an alias (AS)"
        )
    unnamed = [place for place, name in enumerate(names, 1) if not name]
    if unnamed:
        raise ContractError(f"result column(s) {unnamed} have no name; give an alias (AS)")


class Decoder:
    """Turns batches of rows into frames of one schema, fixed by the first batch with values."""

    def __init__(
        self,
        columns: list[ResultColumn],
        decode: Callable[[Sequence[Any], ResultColumn], pl.Series],
    ) -> None:
        check_names([column.name for column in columns])
        self._columns = columns
        self._decode = decode

    def frame(self, rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
        """The rows as a frame."""
        values: list[Sequence[Any]] = (
            list(zip(*rows, strict=True)) if rows else [()] * len(self._columns)
        )
        series = [
            self._decode(column_values, column)
            for column_values, column in zip(values, self._columns, strict=True)
        ]
        # What the first values showed holds for the batches after them.
        self._columns = [
            replace(column, dtype=made.dtype)
            if column.dtype is None and rows and made.dtype != pl.Null
            else column
            for column, made in zip(self._columns, series, strict=True)
        ]
        return pl.DataFrame([s.cast(pl.String) if s.dtype == pl.Null else s for s in series])


def plain_series(values: Sequence[Any], column: ResultColumn) -> pl.Series:
    """A series from Python values of one type.

    Raises
    ------
    LoadError
        A value is not of the column's type.

    Examples
    --------
    >>> plain_series([1, None], ResultColumn("a", pl.Int16())).to_list()
    [1, None]
    """
    try:
        return pl.Series(column.name, values, dtype=_dtype(values, column))
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        raise LoadError(
            f"column {column.name!r} was expected to hold {column.dtype or 'one type'}, and a "
            f"value does not fit: {str(error).splitlines()[0]}; cast it in the query"
        ) from error


def _dtype(values: Sequence[Any], column: ResultColumn) -> pl.DataType | None:
    if column.dtype is not None:
        return column.dtype
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return pl.Float64()
    return None
