"""What a table of any engine looks like to the rest of the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Column", "TableName"]


@dataclass(frozen=True)
class TableName:
    """A table, by the parts of its name; ``schema`` is None for the engine's default schema."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a live table, as its engine's catalogue tells it.

    ``type`` is the engine's own base name in lower case, without arguments (``nvarchar``,
    ``numeric``, ``datetime2``). ``length`` counts what the engine counts (UTF-16 units for SQL
    Server's nvarchar, bytes for its varchar and varbinary, characters elsewhere); None is
    unbounded. ``scale`` is also the count of fractional-second digits. ``dtype`` is the polars
    type that the column is read as, and that a frame is cast to before it is written.
    """

    name: str
    type: str
    dtype: pl.DataType
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    has_default: bool = False
    generated: bool = False
    """The server fills it: identity, computed, rowversion. A load leaves it out."""
    collation: str | None = None
