"""Frames of polars as Spark takes them, and what Spark has as polars does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import ContractError, LoadError
from etl.io.frames import to_backend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql.types import StructType

__all__ = ["as_arrow", "from_arrow_batch", "polars_schema", "spark_schema", "to_arrow_batches"]

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


def spark_schema(schema: Mapping[str, pl.DataType]) -> StructType:
    """Spark's types for columns; a time without a zone stays one, whatever the session says.

    Raises
    ------
    ContractError
        Spark has no such type.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import from_arrow_schema

    empty = as_arrow(pl.DataFrame(schema=schema))
    try:
        return from_arrow_schema(empty.schema, prefer_timestamp_ntz=True)
    except PySparkException as error:
        raise ContractError(f"Spark has no type for a column: {error}") from None


def polars_schema(schema: StructType) -> dict[str, pl.DataType]:
    """The types of frames that Spark's batches of a schema give."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return dict(from_arrow_batch(to_arrow_schema(schema, timezone="UTC").empty_table()).schema)


def to_arrow_batches(frame: pl.DataFrame, schema: Any) -> Iterator[Any]:
    """A frame's rows as Arrow batches of exactly this schema.

    Raises
    ------
    LoadError
        A value does not fit: the table has changed since its schema was asked for.
    """
    import pyarrow as pa

    try:
        yield from as_arrow(frame).cast(schema).to_batches()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise LoadError(
            f"what was read does not fit the schema that the read began with: {error}"
        ) from None


def from_arrow_batch(batch: Any) -> pl.DataFrame:
    """A batch of Spark's; its moments, which have the session's zone, in UTC."""
    return pl.DataFrame(batch).with_columns(
        pl.selectors.datetime(time_zone="*").dt.convert_time_zone("UTC")
    )
