"""Spark's tasks read: each scans a range of the source's rows by our own Arrow readers.

Spark's filters stay Spark's. It would hand them to a reader (``pushFilters``), but keeps that reader
for the frame that was loaded: a later plan of the same frame without the filter, or with another,
was then given the first one's rows (seen with pyspark 4.3). A ``query`` filters in the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceReader, InputPartition
from pyspark.sql.pandas.types import to_arrow_schema

from etl.io.partitions import range_filters
from etl.io.scanning import open_scan
from etl.io.spark.types import to_arrow_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl
    from pyspark.sql.types import StructType

    from etl.io.spark.options import ReadRequest

__all__ = ["EtlReader"]


class _Range(InputPartition):
    """The rows that a task reads: all, or those of a filter."""

    def __init__(self, rows: pl.Expr | None = None) -> None:
        super().__init__(None)
        self.rows = rows


class EtlReader(DataSourceReader):
    """Reads a table or a query, by key ranges where that is asked for."""

    def __init__(self, request: ReadRequest, schema: StructType) -> None:
        self._request = request
        self._schema = schema

    def partitions(self) -> Sequence[InputPartition]:
        """A partition a key range, and one for the nulls; one of everything without a key."""
        request = self._request
        if request.partition_on is None:
            return [_Range()]
        with request.at.opened() as database:
            if database.one_process:  # tasks would wait for each other, and give up
                return [_Range()]
            ranges = range_filters(
                database, request.source, on=request.partition_on, partitions=request.partitions
            )
        return [_Range(rows) for rows in ranges]

    def read(self, partition: InputPartition) -> Iterator[Any]:
        """The partition's rows as Arrow batches of Spark's types."""
        assert isinstance(partition, _Range)  # noqa: S101 - Spark gives what partitions() gave
        request = self._request
        wanted = to_arrow_schema(self._schema, timezone="UTC")
        with request.at.opened() as database:
            scan = open_scan(
                database,
                request.source,
                contract=request.contract,
                batch_rows=request.batch_rows,
            )
            for frame in scan(wanted.names, partition.rows, None, None):
                yield from to_arrow_batches(frame, wanted)
