"""Why rows are set aside, in words: gathered in any order, told in the contract's."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.contracts.casts import problem
from etl.contracts.row_json import json_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dataframely as dy

__all__ = ["Reasons", "quoted"]

_SHOWN: Final = 80
"""Characters of an offending value that a reason shows."""


class Reasons:
    """What is wrong with each row of one frame, by the row's number."""

    def __init__(self, contract: type[dy.Schema]) -> None:
        self._columns = contract.columns()
        self._key = contract.primary_key()
        self._places = {name: place for place, name in enumerate(self._columns)}
        self._rules = {
            f"{name}|{rule}": (name, rule)
            for name, column in self._columns.items()
            for rule in column.validation_rules(pl.col(name))
        }
        self._uncast: dict[int, set[str]] = defaultdict(set)
        self._texts: dict[int, list[tuple[int, str]]] = defaultdict(list)

    def rows(self) -> list[int]:
        """List the rows that have a reason, in their order."""
        return sorted(self._texts)

    def text(self, row: int) -> str:
        """Join a row's reasons, in the order of the contract's columns."""
        return "; ".join(text for _, text in sorted(self._texts[row], key=lambda entry: entry[0]))

    def add_failed_casts(self, before: pl.Series, after: pl.Series) -> None:
        """Note the values that became null because they did not fit their column's type."""
        failed = (before.is_not_null() & after.is_null()).arg_true()
        if failed.is_empty():
            return
        name = after.name
        dtype = self._columns[name].dtype
        cells = before.gather(failed)
        # Only texts and numbers need a closer look; others may not even fit a Python type.
        plain = before.dtype == pl.String or before.dtype.is_numeric()
        values = cells.to_list() if plain else [None] * len(cells)
        for row, shown, value in zip(failed.to_list(), _shown(cells), values, strict=True):
            self._add(row, name, f"{name}: {shown} {problem(value, before.dtype, dtype)}")
            self._uncast[row].add(name)

    def add_rule(self, rule: str, broken: pl.DataFrame, rows: list[int]) -> None:
        """Note a broken rule of dataframely's, by its name there.

        Parameters
        ----------
        rule
            ``column|rule``, ``primary_key``, or the name of a rule of the contract's own.
        broken
            The rows that break it, as they are after the casts.
        rows
            Their numbers.
        """
        if rule in self._rules:
            self._add_column_rule(*self._rules[rule], broken, rows)
        elif rule == "primary_key":
            self._add_duplicates(broken, rows)
        else:
            for row in rows:
                if not self._is_uncast(row, self._columns):
                    self._add(row, None, f"breaks the rule {rule}")

    def _add_column_rule(self, name: str, rule: str, broken: pl.DataFrame, rows: list[int]) -> None:
        bound = getattr(self._columns[name], rule, None)
        for row, shown in zip(rows, _shown(broken[name]), strict=True):
            if not self._is_uncast(row, [name]):
                self._add(row, name, f"{name}: {_in_words(rule, shown, bound)}")

    def _add_duplicates(self, broken: pl.DataFrame, rows: list[int]) -> None:
        keys = zip(*(_shown(broken[name]) for name in self._key), strict=True)
        nulls = broken.select(pl.any_horizontal(pl.col(self._key).is_null())).to_series()
        for row, values, null in zip(rows, keys, nulls.to_list(), strict=True):
            # A key that is not there has a reason of its own, and is no duplicate of another.
            if not null:
                names, shown = ", ".join(self._key), ", ".join(values)
                self._add(row, self._key[-1], f"{names}: {shown} is there more than once")

    def _add(self, row: int, column: str | None, text: str) -> None:
        """Note a reason; one that is about the row as a whole comes after the columns'."""
        place = len(self._places) if column is None else self._places[column]
        self._texts[row].append((place, text))

    def _is_uncast(self, row: int, columns: Iterable[str]) -> bool:
        """Whether a value of these columns did not get through its cast.

        What a rule says of such a row is about the null that stands in for the value.
        """
        return not self._uncast.get(row, set()).isdisjoint(columns)


def quoted(value: Any) -> str:
    """Show a value in a sentence: texts in quotes, control characters escaped, 80 characters.

    >>> quoted("12 pcs"), quoted("x" * 100)[-6:], quoted({"$decimal": "1.255"})
    ("'12 pcs'", "xx'...", '1.255')
    """
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
        value = next(iter(value.values()))
    text = "null" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _shown(values: pl.Series) -> list[str]:
    return [quoted(value) for value in json_values(values)]


def _in_words(rule: str, shown: str, bound: Any) -> str:
    words = {
        "nullability": "null",
        "nan": "not a number (NaN)",
        "inf": "infinite",
        "min": f"{shown} is below {bound}",
        "max": f"{shown} is above {bound}",
        "min_exclusive": f"{shown} is not above {bound}",
        "max_exclusive": f"{shown} is not below {bound}",
        "min_length": "empty" if bound == 1 else f"shorter than {bound}",
        "max_length": f"longer than {bound}",
        "is_in": f"{shown} is not one of the allowed values",
        "regex": f"{shown} does not match {bound}",
        "unique": f"{shown} is there more than once",
    }
    return words.get(rule, f"{shown} breaks the rule {rule.removeprefix('check__')}")
