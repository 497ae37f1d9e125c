"""Rows of a DBAPI cursor as polars frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import ContractError, LoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Decoder", "ResultColumn", "check_names", "plain_series"]


_GULP: Final = 1000


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

    def frames(self, cursor: Any, size: int) -> Iterator[pl.DataFrame]:
        """What a cursor gives, at most so many rows a frame: at least one frame, perhaps empty."""
        empty = True
        for values in _column_batches(cursor, size):
            empty = False
            yield self._frame(values)
        if empty:
            yield self._frame([[] for _ in self._columns])

    def _frame(self, values: Sequence[Sequence[Any]]) -> pl.DataFrame:
        series = [
            self._decode(column_values, column)
            for column_values, column in zip(values, self._columns, strict=True)
        ]
        rows = bool(values and values[0])
        # What the first values showed holds for the batches after them.
        self._columns = [
            replace(column, dtype=made.dtype)
            if column.dtype is None and rows and made.dtype != pl.Null
            else column
            for column, made in zip(self._columns, series, strict=True)
        ]
        return pl.DataFrame([s.cast(pl.String) if s.dtype == pl.Null else s for s in series])


def _column_batches(cursor: Any, size: int) -> Iterator[list[list[Any]]]:
    """Rows as columns. In small gulps: tuples that stay in the processor's cache cost half."""
    values: list[list[Any]] = []
    count = 0
    while rows := cursor.fetchmany(min(_GULP, size - count)):
        values = values or [[] for _ in rows[0]]
        for column, more in zip(values, zip(*rows, strict=True), strict=True):
            column.extend(more)
        count += len(rows)
        if count >= size:
            yield values
            values, count = [], 0
    if values:
        yield values


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
