"""Read a table or query in ranges of one of its columns, side by side."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import ContractError, LoadError
from etl.io.databases.decode import ResultColumn
from etl.io.names import did_you_mean
from etl.io.reading import compile_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from etl.io.databases.base import Database
    from etl.io.sql import Params

    Read = Callable[[str, Sequence[Any] | None], list[pl.DataFrame]]

__all__ = ["cuts", "range_filters", "read_partitions"]

_WORKERS: Final = 8
"""Connections at a time, however many ranges there are: a server has other users."""
_MARK: Final = "\0"
"""Where a value goes; no name and no query can hold it."""
_LOW, _HIGH = "low_value", "high_value"
_FIRST_WORD: Final = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\w+)", re.DOTALL)
_DAY, _MICROSECOND = dt.timedelta(days=1), dt.timedelta(microseconds=1)


def read_partitions(
    database: Database,
    source: Any,
    *,
    on: str,
    partitions: int,
    params: Params = None,
    dialect: Literal["tsql"] | None = None,
) -> pl.DataFrame:
    """All rows of the source, read in ranges of the column ``on``; see ``db_helper.read_frame``.

    The ranges are open at both ends of the column's values and meet without a gap, so that every
    row that is not null belongs to exactly one of them; the nulls are one more.

    Raises
    ------
    ContractError
        There is no such column, it can't be cut into ranges, or the query can't be wrapped.
    """
    _check(partitions)
    with database.snapshot() as (connection, read):
        sql, values = compile_query(database, connection, source, params=params, dialect=dialect)
        query = _Wrapped(database, sql, values)
        name, bounds = _span(database, read, query, on)
        column = database.quote(name)
        ranges = [
            query.where(condition, *database.parameters(values))
            for condition, *values in _ranges(column, bounds, partitions)
        ]
        queries = [*ranges, query.where(f"{column} IS NULL")]
        if database.parallel_reads:
            parts = _side_by_side(read, queries)
        else:
            parts = [read(*each) for each in queries]
    return _joined([frame for part in parts for frame in part])


def range_filters(database: Database, source: Any, *, on: str, partitions: int) -> list[pl.Expr]:
    """The ranges of :func:`read_partitions` as filters, for whoever scans each by himself.

    Every row passes exactly one of them; the last is for the nulls.

    Raises
    ------
    ContractError
        There is no such column, it can't be cut into ranges, or the query can't be wrapped.
    """
    _check(partitions)
    with database.snapshot() as (connection, read):
        sql, values = compile_query(database, connection, source)
        name, bounds = _span(database, read, _Wrapped(database, sql, values), on)
    column = pl.col(name)
    at = [] if bounds is None else cuts(*bounds, partitions)
    if not at:
        return [column.is_not_null(), column.is_null()]
    between = [(column >= low) & (column < high) for low, high in pairwise(at)]
    return [column < at[0], *between, column >= at[-1], column.is_null()]


def _check(partitions: int) -> None:
    if isinstance(partitions, bool) or partitions < 1:
        raise ContractError(f"partitions must be at least 1, not {partitions}")


def _span(
    database: Database, read: Read, query: _Wrapped, on: str
) -> tuple[str, tuple[Any, Any] | None]:
    """The column's name as the source has it, and its smallest and largest value."""
    [empty] = read(*query.where("1 = 0"))
    name = _column(empty.columns, on, folds_case=database.rules.folds_case)
    return name, _bounds(database, read, query, name, empty.schema[name])


@dataclass(frozen=True)
class _Wrapped:
    """A statement as the table of another one."""

    database: Database
    sql: str
    values: Sequence[Any] | None

    def __post_init__(self) -> None:
        word = _FIRST_WORD.match(self.sql)
        first = word[1].lower() if word else ""
        if first in {"exec", "execute"}:
            raise ContractError("a procedure can't be read in partitions: leave out partition_on")
        if first == "with" and self.database.sqlglot_dialect == "tsql":
            raise ContractError(
                f"{self.database.title} takes no WITH within another query, so this one can't be "
                "read in partitions: make it a view, or leave out partition_on"
            )

    def where(
        self, condition: str, *values: Any, select: str = "*"
    ) -> tuple[str, Sequence[Any] | None]:
        """The rows for which a condition holds; each :data:`_MARK` of it stands for a value."""
        body = self.sql.strip().rstrip(";")
        bound = None if self.values is None and not values else (*(self.values or ()), *values)
        mark = "?"
        if self.database.param_style == "format":
            mark = "%s"
            if bound is not None:  # only text that goes with values is formatted
                select, condition = select.replace("%", "%%"), condition.replace("%", "%%")
                body = body if self.values is not None else body.replace("%", "%%")
        condition = condition.replace(_MARK, mark)
        # A line of its own for the bracket: the query may end in a comment.
        return f"SELECT {select} FROM (\n{body}\n) AS etl_rows WHERE {condition}", bound


def _column(names: Sequence[str], on: str, *, folds_case: bool) -> str:
    for name in names:
        if name == on or (folds_case and name.casefold() == on.casefold()):
            return name
    raise ContractError(f"partition_on: the rows have no column {on!r}{did_you_mean(on, names)}")


def _bounds(
    database: Database, read: Read, query: _Wrapped, name: str, dtype: pl.DataType
) -> tuple[Any, Any] | None:
    """The smallest and the largest value, by the server; None where there is none."""
    column = database.quote(name)
    [found] = read(
        *query.where("1 = 1", select=f"MIN({column}) AS {_LOW}, MAX({column}) AS {_HIGH}")
    )
    low, high = found.row(0)
    if low is None:
        return None
    # SQLite knows no type of an expression: what was declared tells it, or else the value does.
    declared = None if dtype == pl.String else dtype
    both = found[_LOW] if found.schema[_LOW] == declared else None
    if both is None:
        both = database.decode([low, high], ResultColumn(name, declared))
        low, high = both
    kind = both.dtype
    if not (kind.is_integer() or kind.is_decimal() or kind in (pl.Date, pl.Datetime)):
        raise ContractError(
            f"partition_on: {name!r} holds {kind}; ranges can be cut of integers, decimals, dates "
            "and datetimes"
        )
    return low, high


def _ranges(column: str, bounds: tuple[Any, Any] | None, partitions: int) -> list[tuple[Any, ...]]:
    """Conditions, each with its values, that hold for every value but null exactly once."""
    if bounds is None:
        return []
    at = cuts(*bounds, partitions)
    if not at:
        return [(f"{column} IS NOT NULL",)]
    from_, below = f"{column} >= {_MARK}", f"{column} < {_MARK}"
    between = [(f"{from_} AND {below}", low, high) for low, high in pairwise(at)]
    return [(below, at[0]), *between, (from_, at[-1])]


def cuts(low: Any, high: Any, partitions: int) -> list[Any]:
    """Where a range of values is cut into so many parts of one width; fewer where it is narrow.

    Parameters
    ----------
    low, high
        The first and the last value: integers, decimals, dates or datetimes.
    partitions
        At least 1.

    Returns
    -------
    list
        Ascending values of the same type, one fewer than there are parts: each begins a part.

    Examples
    --------
    >>> cuts(1, 100, 4), cuts(1, 2, 4), cuts(7, 7, 4)
    ([26, 51, 76], [2], [])
    >>> cuts(Decimal("0.10"), Decimal("0.50"), 2)
    [Decimal('0.30')]
    >>> cuts(dt.date(2026, 1, 1), dt.date(2026, 1, 10), 2)
    [datetime.date(2026, 1, 6)]
    """
    if isinstance(low, Decimal):
        with decimal.localcontext(prec=100):  # the default would round at 28 digits
            scale = -min(int(low.as_tuple().exponent), int(high.as_tuple().exponent))
            whole = cuts(int(low.scaleb(scale)), int(high.scaleb(scale)), partitions)
            return [Decimal(value).scaleb(-scale) for value in whole]
    if isinstance(low, dt.date):
        step = _MICROSECOND if isinstance(low, dt.datetime) else _DAY
        return [low + after * step for after in cuts(0, (high - low) // step, partitions)]
    span = high - low + 1
    count = min(partitions, span)
    return [low + span * number // count for number in range(1, count)]


def _side_by_side(
    read: Read, queries: Sequence[tuple[str, Sequence[Any] | None]]
) -> list[list[pl.DataFrame]]:
    """What each query gives, in their order; the first error ends the others that wait."""
    with ThreadPoolExecutor(min(len(queries), _WORKERS), "etl read") as pool:
        reads = [pool.submit(read, *query) for query in queries]
        try:
            return [each.result() for each in reads]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame, with the dtypes that the values of all parts have together."""
    filled = [frame for frame in frames if frame.height] or frames[:1]
    if all(frame.schema == filled[0].schema for frame in filled):
        return pl.concat(filled, rechunk=False)
    # An engine that knows no type of a column: a part of it that is all null says nothing.
    schema = {}
    for name, dtype in filled[0].schema.items():
        kinds = {
            frame.schema[name] for frame in filled if frame[name].null_count() < frame.height
        } or {dtype}
        if len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds):
            raise LoadError(
                f"column {name!r} holds {' and '.join(sorted(map(str, kinds)))} in different "
                "partitions; cast it in the query"
            )
        schema[name] = kinds.pop() if len(kinds) == 1 else pl.Float64()
    return pl.concat([frame.cast(schema) for frame in filled], rechunk=False)  # type: ignore[arg-type]
