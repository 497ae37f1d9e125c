"""What engines make of a predicate: their differences, as data.

A new engine is a row here; without one, a scan of it pushes down columns, limits and tests for null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENGINES", "Engine"]

_BINARY: Final = "Latin1_General_90_BIN2"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How one engine says what a predicate asks."""

    true: str
    """A boolean column that is true: ``{0}`` is the column."""
    false: str
    nan: bool = False
    """NaN is a value, equal to itself and greater than every other, as in polars."""
    infinity: bool = True
    """An infinity can be bound, and compares as a number."""
    text_types: frozenset[str] = frozenset()
    """Types of a table's columns that compare as text without a cast."""
    text: str = "{0}"
    """Any column as text."""
    padded: bool = False
    """That text may lack trailing blanks which a reader sees."""
    collated: str | None = None
    """Text compared to the byte; None where that can't be had."""
    starts: str
    """A test that text begins with a value, of ``length`` characters."""
    binary: bool = True
    """Bytes compare as polars compares them."""
    times: bool = True
    """Times of day are bound to the microsecond."""


ENGINES: Final[Mapping[str, Engine]] = {
    "sqlite": Engine(
        true="{0} <> 0",
        false="{0} = 0",
        infinity=False,  # it has no neighbours, and doubles are asked for by range here
        collated="{0} COLLATE BINARY",
        starts="substr({0}, 1, {length}) = {1}",
    ),
    "postgresql": Engine(
        true="{0}",
        false="NOT {0}",
        nan=True,
        text_types=frozenset({"text", "varchar"}),
        # A char(n) loses its blanks on the way to text, and a citext its way of comparing.
        text="rtrim(CAST({0} AS text))",
        padded=True,
        collated='{0} COLLATE "C"',
        starts='starts_with({0} COLLATE "C", {1})',
    ),
    "duckdb": Engine(
        true="{0}",
        false="NOT {0}",
        nan=True,
        text_types=frozenset({"varchar"}),
        text="CAST({0} AS VARCHAR)",
        collated='{0} COLLATE "C"',
        starts="starts_with({0}, {1})",
    ),
    "mssql": Engine(
        true="{0} = 1",
        false="{0} = 0",
        infinity=False,
        text_types=frozenset({"char", "varchar", "nchar", "nvarchar", "sysname"}),
        text="CAST({0} AS nvarchar(max))",
        # Trailing blanks are equal to none under every collation, the binary ones too.
        collated=None,
        starts=f"CAST({{0}} AS nvarchar(max)) COLLATE {_BINARY} LIKE {{1}} ESCAPE N'!'",
        # varbinary is padded with zeros to compare; drivers cut a bound time to seconds.
        binary=False,
        times=False,
    ),
}
