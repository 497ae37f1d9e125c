"""How orders become rows of the schedule, as values: a rule for each column.

``config/mappings/*.yaml`` is where people write them, and :class:`etl.io.rules.OrderMapping` reads
them. As a frame, which is what a job's inputs are, a mapping has one row a rule.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import dataframely as dy
import narwhals as nw
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ALL_SIZES", "ColumnRule", "MappingRows", "mapping_frame", "mapping_rules"]

ALL_SIZES: Final = "sizes"
"""As a source of a sum: all size columns, those of samples left out."""

How = Literal["exact", "direct", "value_map", "customer_lookup", "concatenate", "sum"]


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """Where one column of the schedule comes from.

    Parameters
    ----------
    target
        The schedule's column.
    how
        ``exact``: the value as it is. ``direct``: text trimmed, words for null as null.
        ``value_map``: by ``values``. ``customer_lookup``: the customer's canonical name.
        ``concatenate``: texts joined by ``separator``, those missing left out. ``sum``: of
        quantities, nothing counting as 0.
    sources
        Columns of the orders; to concatenate, columns of the schedule that have a rule before this
        one too. For a sum also :data:`ALL_SIZES`.
    board_column
        The board's column for it, if any.
    values
        Value as it is written -> the schedule's.
    default
        With ``has_default``: what any other value becomes.
    strict
        Any other value sets the row aside.
    max_length
        Where a concatenated text is cut, in UTF-16 units.

    Examples
    --------
    >>> ColumnRule(target="po_number", how="direct", sources=("PO NUMBER",)).board_column is None
    True
    """

    target: str
    how: How
    sources: tuple[str, ...]
    board_column: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    has_default: bool = False
    default: str | None = None
    strict: bool = False
    separator: str = " "
    max_length: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


class MappingRows(dy.Schema):
    """A mapping as a frame: one row a rule, in the order in which they apply."""

    target = dy.String(primary_key=True, min_length=1)
    board_column = dy.String(nullable=True)
    rule = dy.String(min_length=1)
    """The whole rule as JSON."""


def mapping_frame(rules: Iterable[ColumnRule]) -> pl.DataFrame:
    """Give rules as a frame of :class:`MappingRows`.

    Examples
    --------
    >>> rule = ColumnRule(target="season", how="value_map", sources=("SEASON",), values={"S": "SS"})
    >>> mapping_rules(mapping_frame([rule])) == (rule,)
    True
    """
    rows = [(rule.target, rule.board_column, json.dumps(_plain(rule))) for rule in rules]
    return pl.DataFrame(rows, schema=pl.Schema(MappingRows), orient="row")


def mapping_rules(mapping: object) -> tuple[ColumnRule, ...]:
    """Give the rules of a mapping: of its frame, of any engine, or of the rules themselves."""
    if isinstance(mapping, (tuple, list)):
        return tuple(mapping)
    frame: Any = nw.from_native(mapping)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect(backend="polars")
    rules = []
    for text in frame.get_column("rule").to_list():
        told = json.loads(text)
        rules.append(ColumnRule(**{**told, "sources": tuple(told["sources"])}))
    return tuple(rules)


def _plain(rule: ColumnRule) -> dict[str, Any]:
    values = {each.name: getattr(rule, each.name) for each in dataclasses.fields(rule)}
    return {**values, "values": dict(rule.values)}
