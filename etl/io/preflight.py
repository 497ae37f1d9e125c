"""Check a frame against a live table, and give it the table's types, before anything is sent.

Every loss is named here: a driver would truncate, round or refuse half way through instead. One
error lists each column at fault with a count and examples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from etl.contracts.casts import cast_lossless
from etl.errors import ContractError
from etl.io.names import did_you_mean
from etl.io.sql_types import utf16_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.io.databases.columns import Column
    from etl.io.options import OnPrecisionLoss

__all__ = ["Rules", "conform", "match_columns"]


_EXAMPLES: Final = 3
_EXAMPLE_LENGTH: Final = 60


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What an engine can't keep, as data."""

    folds_case: bool = False
    """Column names match without regard to case."""
    nan: bool = True
    """NaN and infinity are values of its float types."""
    infinity: bool = True
    text_length: Literal["characters", "utf16"] = "characters"
    byte_text: bool = False
    """``char``/``varchar`` columns hold one byte a character: text outside ASCII is refused."""
    largest_integer: int | None = None
    """Where an unsigned 64-bit column can't hold all of its type."""
    year_range: tuple[int, int] = (1, 9999)
    grains: Mapping[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    """By type name: microseconds modulo the first are one of the second, or the engine rounds."""
    date_ranges: dict[str, tuple[int, int]] | None = None
    """By type name, where one differs (SQL Server's ``datetime`` begins in 1753)."""


def match_columns(
    names: Iterable[str], columns: Sequence[Column], rules: Rules, *, ignore_new: bool = False
) -> tuple[list[tuple[str, Column]], list[str]]:
    """Pair the frame's columns with the table's, in the table's order.

    Returns
    -------
    tuple
        The pairs, and what stands against the rest: a column that the table lacks, one that the
        server fills, a NOT NULL one that is missing.
    """

    def fold(name: str) -> str:
        return name.casefold() if rules.folds_case else name

    by_name = {fold(column.name): column for column in columns}
    problems: list[str] = []
    found: dict[str, str] = {}
    for name in names:
        column = by_name.get(fold(name))
        if column is None and ignore_new:
            continue
        if column is None:
            hint = did_you_mean(name, [c.name for c in columns])
            problems.append(f"{name}: the table has no such column{hint}")
        elif column.generated:
            problems.append(f"{name}: the server fills this column; leave it out of the frame")
        elif column.name in found:
            problems.append(f"{name}: {found[column.name]!r} names the same column of the table")
        else:
            found[column.name] = name
    problems += [
        f"{column.name}: NOT NULL without a default, and the frame lacks it"
        for column in columns
        if not (column.nullable or column.has_default or column.generated)
        and column.name not in found
    ]
    return [(found[c.name], c) for c in columns if c.name in found], problems


def conform(
    frame: pl.DataFrame,
    pairs: Sequence[tuple[str, Column]],
    rules: Rules,
    *,
    table: str,
    on_precision_loss: OnPrecisionLoss = "error",
    problems: Iterable[str] = (),
) -> pl.DataFrame:
    """Cast the frame to the table's types, without losing anything.

    Parameters
    ----------
    frame
        Any number of rows; not changed.
    pairs
        From :func:`match_columns`: the frame's name and the table's column.
    rules
        What the engine can't keep.
    table
        For messages.
    on_precision_loss
        ``truncate`` cuts digits of a second that the table can't hold.
    problems
        What :func:`match_columns` found, to be told in the same error.

    Returns
    -------
    polars.DataFrame
        The table's column names and dtypes, in the table's order.

    Raises
    ------
    ContractError
        Every column at fault, with how many values and which.
    """
    problems = list(problems)
    series: list[pl.Series] = []
    for name, column in pairs:
        cast = _Cast(frame[name].alias(column.name), column, rules, on_precision_loss)
        series.append(cast.run())
        problems += cast.problems
    _raise(problems, table)
    return pl.DataFrame(series) if series else frame.select()


def _raise(problems: list[str], table: str) -> None:
    if problems:
        lines = "\n".join(f"  {line}" for line in problems)
        raise ContractError(
            f"the frame does not fit the table {table}; nothing was written:\n{lines}", table=table
        )


class _Cast:
    """One column on its way to the table's type, and what stands against it."""

    def __init__(
        self, values: pl.Series, column: Column, rules: Rules, on_loss: OnPrecisionLoss
    ) -> None:
        self.values = values
        self.column = column
        self.rules = rules
        self.on_loss = on_loss
        self.problems: list[str] = []

    def run(self) -> pl.Series:
        values, target = self.values, self.column.dtype
        if not self.column.nullable and values.null_count():
            self.problems.append(
                f"{self.column.name}: {values.null_count()} null(s), and the column is NOT NULL or of the key"
            )
        if values.dtype in (pl.Categorical, pl.Enum):
            values = values.cast(pl.String)
        if values.dtype == pl.Null:
            return values.cast(target)
        result = self._convert(values, target)
        if result is None:
            self.problems.append(
                f"{self.column.name}: {values.dtype} does not go into {self.column.type} "
                f"({target}) without changing it; cast it yourself"
            )
            return values
        self._check(result)
        return result

    # Conversions: the widening ones are free, the others are checked value by value.

    def _convert(  # noqa: PLR0911 - one line a pair of types
        self, values: pl.Series, target: pl.DataType
    ) -> pl.Series | None:
        source = values.dtype
        if source.is_numeric() and target.is_numeric():
            return self._number(values, target)
        if isinstance(source, pl.Datetime):
            return self._datetime(values, source, target)
        if source == pl.Duration and target in (pl.Int64, pl.Duration):
            micros = values.dt.total_microseconds()
            if self.on_loss == "error":
                same = micros.cast(pl.Duration("us")).cast(source) == values
                self._unless(same, "is finer than a microsecond")
            return micros.cast(target)
        if source == target:
            return values if source != pl.Time else self._time(values)
        if source == pl.Boolean and target.is_integer():
            return values.cast(target)
        if source == pl.Date and isinstance(target, pl.Datetime) and not target.time_zone:
            return values.cast(target)
        return None

    def _number(self, values: pl.Series, target: pl.DataType) -> pl.Series:
        result = cast_lossless(values, target)
        self._unless(result.is_not_null(), f"does not fit {self._type}")
        return result

    def _datetime(
        self, values: pl.Series, source: pl.Datetime, target: pl.DataType
    ) -> pl.Series | None:
        if target == pl.Date and source.time_zone is None:
            result = values.cast(pl.Date)
            self._unless(result.cast(source) == values, "has a time of day")
            return result
        if not isinstance(target, pl.Datetime):
            return None
        if (source.time_zone is None) != (target.time_zone is None):
            self.problems.append(
                f"{self.column.name}: "
                + (
                    f"aware datetimes ({source.time_zone}) do not go into {self.column.type}, "
                    "which knows no zone; convert and drop the zone yourself"
                    if source.time_zone
                    else f"naive datetimes do not go into {self.column.type}; "
                    "say which zone they are in with replace_time_zone"
                )
            )
            return values
        if target.time_zone:
            values = values.dt.convert_time_zone(target.time_zone)
        return self._fraction(values, values.cast(target))

    def _fraction(self, values: pl.Series, result: pl.Series) -> pl.Series:
        """Digits of a second past what the column keeps are refused or, if asked, cut."""
        digits = self.column.scale if self.column.scale is not None else 6
        modulus, kept = self.rules.grains.get(self.column.type, (10 ** (6 - min(digits, 6)), (0,)))
        if modulus > 1:
            ticks = result.to_physical()
            rest = ticks % modulus
            floor = sum(((rest >= at).cast(pl.Int64) * step for at, step in _steps(kept)), 0 * rest)
            result = (ticks - rest + floor).cast(result.dtype)
        if self.on_loss == "error":
            same = result.cast(values.dtype) == values
            self._unless(same, f"has more digits of a second than {self.column.type} keeps")
        return result

    def _time(self, values: pl.Series) -> pl.Series:
        digits = min(6, self.column.scale if self.column.scale is not None else 6)
        step = 10 ** (9 - digits)
        result: pl.Series = (values.to_physical() // step * step).cast(pl.Time)
        if self.on_loss == "error":
            self._unless(result == values, "has more digits of a second than the column keeps")
        return result

    # What the engine or the column's declaration can't hold.

    def _check(self, values: pl.Series) -> None:
        dtype = values.dtype
        if dtype.is_float():
            if not self.rules.nan:
                self._unless(~values.is_nan(), "is NaN, which the engine has no value for")
            if not self.rules.infinity:
                self._unless(~values.is_infinite(), "is infinite")
        elif dtype == pl.UInt64 and self.rules.largest_integer is not None:
            self._unless(
                values <= self.rules.largest_integer, f"is over {self.rules.largest_integer}"
            )
        elif dtype == pl.String:
            self._check_text(values)
        elif dtype == pl.Binary and self.column.length is not None:
            self._unless(
                values.bin.size("b") <= self.column.length, f"is over {self.column.length} bytes"
            )
        elif dtype in (pl.Date, pl.Datetime):
            ranges = self.rules.date_ranges or {}
            first, last = ranges.get(self.column.type, self.rules.year_range)
            if _years_within(values, first, last):
                return
            self._unless(
                values.dt.year().is_between(first, last), f"is outside the years {first}-{last}"
            )

    def _check_text(self, values: pl.Series) -> None:
        self._unless(
            ~values.str.contains("\0", literal=True), "holds a NUL character, which text can't"
        )
        utf16 = self.rules.text_length == "utf16"
        if self.rules.byte_text and self.column.type in {"char", "varchar", "text"}:
            self._unless(
                values.str.len_bytes() == values.str.len_chars(),
                f"has characters that {self.column.type} turns to '?'; make the column nvarchar",
            )
        if self.column.length is not None:
            lengths = (
                values.to_frame().select(utf16_length(values.name)).to_series()
                if utf16
                else values.str.len_chars()
            )
            self._unless(
                lengths <= self.column.length,
                f"is longer than {self.column.length}"
                + (" (UTF-16 units)" if utf16 else " characters"),
            )

    @property
    def _type(self) -> str:
        column = self.column
        if isinstance(column.dtype, pl.Decimal):
            return f"{column.type}({column.dtype.precision}, {column.dtype.scale})"
        return column.type

    def _unless(self, fine: pl.Series, what: str) -> None:
        """Note the values for which ``fine`` is not true; a null value is always fine."""
        if not fine.null_count() and fine.all():
            return
        bad = ~fine.fill_null(value=False) & self.values.is_not_null()
        count = int(bad.sum())
        if not count:
            return
        examples = self.values.filter(bad).head(_EXAMPLES).to_list()
        shown = ", ".join(_short(value) for value in examples)
        more = ", ..." if count > len(examples) else ""
        self.problems.append(f"{self.column.name}: {count} value(s): {shown}{more} {what}")


def _years_within(values: pl.Series, first: int, last: int) -> bool:
    """Whether all dates are from such years: two of them tell, and often nothing else is needed."""
    column = pl.col(values.name)
    ends = values.to_frame().select(low=column.min().dt.year(), high=column.max().dt.year())
    low, high = ends.row(0)
    return low is None or (first <= low and high <= last)


def _steps(kept: tuple[int, ...]) -> list[tuple[int, int]]:
    """Each value that is kept, and how far it is from the one before."""
    return [(at, at - before) for before, at in zip((0, *kept), kept, strict=False)]


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, (str, bytes)) else str(value)
    return text if len(text) <= _EXAMPLE_LENGTH else text[: _EXAMPLE_LENGTH - 3] + "..."
