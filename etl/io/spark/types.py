"""Frames of polars as Spark takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.io.frames import to_backend

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_arrow"]

_WIDER: Final[Mapping[type[pl.DataType], pl.DataType]] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Decimal(20, 0),
}
"""Spark has no whole numbers without a sign."""


def as_arrow(frame: pl.DataFrame) -> Any:
    """A frame as an Arrow table of types that Spark has.

    >>> as_arrow(pl.DataFrame({"a": pl.Series([1], dtype=pl.UInt8)})).schema.types
    [DataType(int16)]
    """
    changes = []
    for name, dtype in frame.schema.items():
        wider = _WIDER.get(dtype.base_type())
        if wider is not None:
            changes.append(pl.col(name).cast(wider))
        elif isinstance(dtype, pl.Categorical | pl.Enum):
            changes.append(pl.col(name).cast(pl.String))
    return to_backend(frame.with_columns(changes), "pyarrow")
