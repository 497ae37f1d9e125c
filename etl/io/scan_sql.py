"""SQL conditions for a predicate: never stricter than polars, often the same.

Every condition holds for each row that polars would keep, and perhaps for more: polars filters what
arrives again. So a condition is made for a predicate *and* for what must come of it: the rows where it
is true, or (under a ``not``) those where it is false. SQL's own NOT is never used, and nulls need no
care: both sides leave a comparison with null aside.

An engine has its ways in :data:`~etl.io.scan_engines.ENGINES`; one that is not there takes tests for null only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl

from etl.io.scan_engines import ENGINES
from etl.io.scan_predicate import (
    AllOf,
    AnyOf,
    Choice,
    Compare,
    Constant,
    Flag,
    IsIn,
    IsNull,
    Not,
    Predicate,
    StartsWith,
    Unknown,
)
from etl.io.scan_values import ScanColumn, band, bindable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Conditions"]

_MOST_VALUES: Final = 900
"""Values that one statement binds at most; SQL Server takes 2,100."""
_MOST_LISTED: Final = 500
# SQLite's parser holds a hundred open brackets, and a thousand terms in a row.
_MOST_TERMS: Final = 400
_DEEPEST: Final = 20
_LONGEST_PREFIX: Final = 1000

_OPPOSITE: Final = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

# SQLite stores times as text. What this package wrote has one form, and compares as the times do;
# another tool's form ("2026-01-02T03:04", "...Z") is fetched, for polars to judge.
_D: Final = "[0-9]"
_DAY: Final = f"{_D * 4}-{_D * 2}-{_D * 2}"
_CLOCK: Final = f"{_D * 2}:{_D * 2}:[0-5]{_D}.{_D * 6}"


@dataclass(frozen=True)
class _Sql:
    text: str
    values: tuple[Any, ...] = ()
    terms: int = 1
    depth: int = 0
    """How many brackets stand within one another."""


_Condition: TypeAlias = _Sql | None
"""None is no condition: every row can be one that polars keeps."""
_NEVER: Final = _Sql("1 = 0")


def _all(parts: Iterable[_Condition]) -> _Condition:
    kept = [part for part in parts if part is not None]
    if _NEVER in kept:
        return _NEVER
    return _joined(kept, " AND ") if kept else None


def _any(parts: Iterable[_Condition]) -> _Condition:
    kept = [part for part in parts if part != _NEVER]
    sure = [part for part in kept if part is not None]
    if len(sure) < len(kept):
        return None
    return _joined(sure, " OR ") if sure else _NEVER


def _joined(parts: list[_Sql], word: str) -> _Sql:
    if len(parts) == 1:
        return parts[0]
    return _Sql(
        "(" + word.join(part.text for part in parts) + ")",
        tuple(value for part in parts for value in part.values),
        sum(part.terms for part in parts),
        1 + max(part.depth for part in parts),
    )


class Conditions:
    """Makes conditions for one source's columns."""

    def __init__(
        self,
        dialect: str,
        columns: Mapping[str, ScanColumn],
        *,
        quote: Callable[[str], str],
        holder: str,
    ) -> None:
        self._dialect = dialect
        # A column that is not here is one that nothing but null is asked of.
        self._columns = columns if dialect in ENGINES else {}
        self._engine = ENGINES.get(dialect, ENGINES["sqlite"])
        self._quote = quote
        self._holder = holder

    def where(self, predicate: Predicate) -> tuple[str, tuple[Any, ...]]:
        """The condition and its values; empty where nothing of the predicate can be said in SQL."""
        parts: list[_Condition] = []
        values = terms = 0
        for conjunct in _conjuncts(predicate):
            part = self._rows(conjunct, wanted=True)
            if part is None or part.depth > _DEEPEST:
                continue
            values, terms = values + len(part.values), terms + part.terms
            if values > _MOST_VALUES or terms > _MOST_TERMS:
                break
            parts.append(part)
        made = _all(parts)
        return (made.text, made.values) if made is not None else ("", ())

    def _rows(self, predicate: Predicate, *, wanted: bool) -> _Condition:  # noqa: PLR0911, C901 - one case each
        """A condition for the rows where the predicate is ``wanted``: those at least."""
        match predicate:
            case Constant(value):
                return None if value is wanted else _NEVER
            case Not(part):
                return self._rows(part, wanted=not wanted)
            case AllOf(parts):
                each = [self._rows(part, wanted=wanted) for part in parts]
                return _all(each) if wanted else _any(each)
            case AnyOf(parts):
                each = [self._rows(part, wanted=wanted) for part in parts]
                return _any(each) if wanted else _all(each)
            case Choice(test, yes, no):
                taken = _all([self._rows(test, wanted=True), self._rows(yes, wanted=wanted)])
                return _any([taken, self._rows(no, wanted=wanted)])
            case IsNull(column):
                return self._null(column) if wanted else self._known(column)
            case Flag(column):
                return self._flag(column, wanted)
            case Compare():
                return self._compare(predicate, wanted=wanted)
            case IsIn():
                return self._is_in(predicate, wanted=wanted)
            case StartsWith():
                return self._starts_with(predicate) if wanted else None
            case Unknown():
                return None

    # Tests for null hold for every column of every engine.

    def _null(self, column: str) -> _Sql:
        return _Sql(f"{self._quote(column)} IS NULL")

    def _known(self, column: str) -> _Sql:
        return _Sql(f"{self._quote(column)} IS NOT NULL")

    def _flag(self, name: str, value: bool) -> _Condition:
        column = self._columns.get(name)
        if column is None or column.dtype != pl.Boolean:
            return None
        return _Sql((self._engine.true if value else self._engine.false).format(self._quote(name)))

    def _compare(self, of: Compare, *, wanted: bool) -> _Condition:
        column = self._columns.get(of.column)
        if column is None:
            return None
        operator = of.operator if wanted else _OPPOSITE[of.operator]
        made: _Condition
        if column.dtype == pl.Boolean:
            if operator not in ("=", "<>"):
                return None
            made = self._flag(of.column, of.value is (operator == "="))
        else:
            value = bindable(self._dialect, column, of.value, of.dtype, as_float=of.as_float)
            made = None if value is None else self._against(column, operator, value, of.as_float)
        if of.missing and operator == "<>":
            return _any([made, self._null(of.column)])
        return made

    def _is_in(self, of: IsIn, *, wanted: bool) -> _Condition:
        column = self._columns.get(of.column)
        if column is None or column.dtype == pl.Boolean:
            return None
        values = [bindable(self._dialect, column, value, of.dtype) for value in of.values]
        if any(value is None for value in values):
            return None
        known = self._among(column, values) if wanted else self._not_among(column, values)
        if not wanted:  # whether null is out of a list or neither in nor out, it is not in it
            return _any([known, self._null(of.column)])
        return _any([known, self._null(of.column) if of.null and of.nulls_equal else _NEVER])

    def _among(self, column: ScanColumn, values: list[Any]) -> _Condition:
        if not values:
            return _NEVER
        unordered = column.dtype == pl.String or any(value != value for value in values)  # noqa: PLR0124 - NaN
        if unordered and len(values) > _MOST_LISTED:
            return self._known(column.name)
        if len(values) > _MOST_LISTED or band(self._dialect, column, values[0]) is not None:
            return _all(
                [
                    self._against(column, ">=", min(values)),
                    self._against(column, "<=", max(values)),
                ]
            )
        return self._listed(column, self._operand(column, "="), "IN", values)

    def _not_among(self, column: ScanColumn, values: list[Any]) -> _Condition:
        if not values or len(values) > _MOST_LISTED:
            return None
        if band(self._dialect, column, values[0]) is not None or not self._bytewise(column):
            return self._known(column.name)
        return self._listed(column, self._operand(column, "<>"), "NOT IN", values)

    def _listed(self, column: ScanColumn, text: str, word: str, values: list[Any]) -> _Sql:
        shown = tuple(self._shown(column, value) for value in values)
        holders = ", ".join([self._holder] * len(values))
        return self._or_other_form(column, _Sql(f"{text} {word} ({holders})", shown))

    def _starts_with(self, of: StartsWith) -> _Condition:
        column = self._columns.get(of.column)
        if column is None or column.dtype != pl.String:
            return None
        if "\0" in of.prefix or len(of.prefix) > _LONGEST_PREFIX:
            return None
        prefix = self._shown(column, of.prefix)
        text = self._engine.starts.format(self._text(column), self._holder, length=len(of.prefix))
        if self._dialect == "mssql":
            prefix = "".join(f"!{c}" if c in "!%_[" else c for c in prefix) + "%"
        return _Sql(text, (prefix,))

    # One value against one column

    def _against(
        self, column: ScanColumn, operator: str, value: Any, as_float: bool = False
    ) -> _Condition:
        found = band(self._dialect, column, value, as_float=as_float)
        name = self._quote(column.name)
        if found is not None:
            low, high = found
            if operator == "<>":
                return self._known(column.name)
            above = _Sql(f"{name} >= {self._holder}", (low,))
            below = _Sql(f"{name} <= {self._holder}", (high,))
            return _all(
                [
                    above if operator in ("=", ">", ">=") else None,
                    below if operator in ("=", "<", "<=") else None,
                ]
            )
        if operator != "=" and not self._bytewise(column):
            return self._known(column.name)
        text = self._operand(column, operator)
        shown = self._shown(column, value)
        return self._or_other_form(column, _Sql(f"{text} {operator} {self._holder}", (shown,)))

    def _or_other_form(self, column: ScanColumn, made: _Sql) -> _Sql:
        if self._dialect != "sqlite" or not column.dtype.is_temporal():
            return made
        if column.dtype == pl.Date:
            pattern = _DAY
        elif column.dtype == pl.Time:
            pattern = _CLOCK
        else:
            zone = "+00:00" if getattr(column.dtype, "time_zone", None) else ""
            pattern = f"{_DAY} {_CLOCK}{zone}"
        return _Sql(
            f"({made.text} OR {self._quote(column.name)} NOT GLOB '{pattern}')", made.values
        )

    # Text

    def _plain_text(self, column: ScanColumn) -> bool:
        """Whether the column is text to the engine too, and not only when it is read."""
        return self._dialect == "sqlite" or column.type in self._engine.text_types

    def _bytewise(self, column: ScanColumn) -> bool:
        """Whether two values that differ at all differ to the engine too."""
        if column.dtype != pl.String:
            return True
        whole = self._plain_text(column) or not self._engine.padded
        return whole and self._engine.collated is not None

    def _text(self, column: ScanColumn) -> str:
        name = self._quote(column.name)
        return name if self._plain_text(column) else self._engine.text.format(name)

    def _operand(self, column: ScanColumn, operator: str) -> str:
        if column.dtype != pl.String:
            return self._quote(column.name)
        text = self._text(column)
        # Equal bytes are equal under every collation, and the column's own has the index.
        if self._engine.collated is None or (operator == "=" and self._plain_text(column)):
            return text
        return self._engine.collated.format(text)

    def _shown(self, column: ScanColumn, value: Any) -> Any:
        padded = self._engine.padded and isinstance(value, str)
        return value.rstrip(" ") if padded and not self._plain_text(column) else value


def _conjuncts(predicate: Predicate) -> list[Predicate]:
    if isinstance(predicate, AllOf):
        return [each for part in predicate.parts for each in _conjuncts(part)]
    return [predicate]
