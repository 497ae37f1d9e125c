"""Values of several columns at once, such that the rules of a contract hold.

A rule that asks for one of five words, or for one column's null beside another's value, is kept by
hardly any row of arbitrary values. What it compares with stands in it, though: of these words, of
null and of a few plain values all combinations are tried, and those that keep the rules are drawn
from.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import dataframely as dy
import polars as pl

from etl.errors import ContractError
from etl.testing._values import FLOATS, INTEGERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Settled", "settled_rules"]

_MOST: Final = 60_000
"""Combinations that are tried; a column of more numbers than that allows has fewer of them."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Combinations of some columns' values that keep every rule on them."""

    rows: pl.DataFrame
    free: frozenset[str]
    """The columns whose values only stand for others of their type."""
    rules: tuple[pl.Expr, ...]

    def keeps(self, row: Mapping[str, Any], schema: pl.Schema) -> bool:
        """Whether a row of these columns keeps the rules."""
        frame = pl.DataFrame([row], schema={name: schema[name] for name in row}, orient="row")
        return _good(frame, self.rules).height == 1


@lru_cache(maxsize=64)
def settled_rules(contract: type[dy.Schema], given: frozenset[str]) -> tuple[Settled, ...]:
    """Find combinations for every group of rules that share columns.

    Parameters
    ----------
    contract
        A dataframely schema.
    given
        Columns whose values come from elsewhere: rules on them are left to chance.

    Raises
    ------
    ContractError
        No combination keeps a group's rules.
    """
    rules = {name: rule.expr for name, rule in contract._schema_validation_rules().items()}
    groups: list[tuple[set[str], list[str]]] = []
    for name, rule in rules.items():
        columns, names = set(rule.meta.root_names()), [name]
        if columns & given or not columns:
            continue
        for other in [group for group in groups if group[0] & columns]:
            columns, names = columns | other[0], other[1] + names
            groups.remove(other)
        groups.append((columns, names))
    return tuple(_settle(contract, sorted(columns), [(name, rules[name]) for name in names]) for columns, names in groups)  # fmt: skip


def _settle(
    contract: type[dy.Schema], columns: list[str], rules: list[tuple[str, pl.Expr]]
) -> Settled:
    words: dict[str, list[Any]] = {name: [] for name in columns}
    for _, rule in rules:
        for value, beside in _literals(rule):
            for name in beside & set(columns):
                words[name] += [value] if value not in words[name] else []
    every = contract.columns()
    pools = {name: _pool(every[name], name, words[name]) for name in columns}
    free = frozenset(name for name in columns if not words[name] and every[name].dtype != pl.Boolean)  # fmt: skip
    while _product(pools) > _MOST:
        longest = max(pools.values(), key=len)
        longest.pop()
    schema = {name: every[name].dtype for name in columns}
    tried = pl.DataFrame(list(itertools.product(*pools.values())), schema=schema, orient="row")
    exprs = tuple(rule for _, rule in rules)
    rows = _good(tried, exprs)
    if rows.is_empty():
        told = ", ".join(name for name, _ in rules)
        raise ContractError(
            f"frames: no values found that keep {contract.__name__}'s {told}; give some for "
            f"{', '.join(columns)} in values="
        )
    return Settled(rows=rows, free=free, rules=exprs)


def _good(frame: pl.DataFrame, rules: tuple[pl.Expr, ...]) -> pl.DataFrame:
    return frame.filter(pl.all_horizontal(rule.fill_null(value=True) for rule in rules))


def _product(pools: Mapping[str, list[Any]]) -> int:
    total = 1
    for pool in pools.values():
        total *= len(pool)
    return total


def _literals(rule: pl.Expr) -> Iterator[tuple[Any, set[str]]]:
    """The values that a rule is written with, and the columns that stand beside each."""
    parts = rule.meta.pop()
    beside = {name for part in parts for name in part.meta.root_names()}
    for part in parts:
        if part.meta.is_literal():
            values = pl.select(part).to_series().explode(empty_as_null=True, keep_nulls=True)
            yield from ((value, beside) for value in values.drop_nulls())
        else:
            yield from _literals(part)


def _pool(column: dy.Column, name: str, words: list[Any]) -> list[Any]:
    """What is tried of a column: the rules' own values, else plain ones; and null."""
    kinds: tuple[type, ...] = (type(_plain(column)),)
    fitting = [word for word in words if isinstance(word, kinds)]
    values = fitting or _plains(column)
    if column.dtype.is_numeric():
        values = [*values, *(value for value in _plains(column) if value not in values)]
    frame = pl.DataFrame({name: values}, schema={name: column.dtype})
    rules = tuple(column.validation_rules(pl.col(name)).values())
    values = _good(frame, rules)[name].to_list() if rules and not column.unique else values
    nullable = column.nullable and not column.primary_key
    return [*values, None] if nullable else values


def _plain(column: dy.Column) -> Any:
    return _plains(column)[0]


def _plains(column: Any) -> list[Any]:
    """A few values of a column's type."""
    least = getattr(column, "min", None) or 0
    day = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC if getattr(column.dtype, "time_zone", None) else None)  # fmt: skip
    plain: dict[tuple[type[dy.Column], ...], list[Any]] = {
        (dy.String,): ["x" * max(getattr(column, "min_length", None) or 0, 1)],
        (dy.Bool,): [True, False],
        (dy.Enum,): list(getattr(column, "categories", [])),
        (dy.Datetime,): [day, day + dt.timedelta(days=1)],
        (dy.Date,): [day.date(), day.date() + dt.timedelta(days=1)],
        (dy.Time,): [dt.time(12), dt.time(13)],
        (dy.Duration,): [dt.timedelta(0), dt.timedelta(days=1)],
        (dy.Binary,): [b"x"],
        INTEGERS: [least, least + 1, least + 2] if isinstance(column, INTEGERS) else [],
        FLOATS: [float(least), float(least + 1)] if isinstance(column, FLOATS) else [],
        (dy.Decimal,): [Decimal(least), Decimal(least) + 1]
        if isinstance(column, dy.Decimal)
        else [],
    }
    return next((values for kinds, values in plain.items() if isinstance(column, kinds)), [None])
