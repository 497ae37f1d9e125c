"""The PySpark data source ``etl``: databases of config.yaml, read and written by Spark's tasks.

:func:`etl.io.spark.register` makes it known to a session; docs/spark.md tells the options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from pyspark.sql.datasource import DataSource

from etl.io.scanning import open_scan
from etl.io.spark.options import ReadRequest, WriteRequest, told
from etl.io.spark.reading import EtlReader
from etl.io.spark.types import polars_schema, spark_schema
from etl.io.spark.writing import EtlWriter

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

__all__ = ["EtlDataSource"]


class EtlDataSource(DataSource):
    """Tables and queries of the databases that config.yaml names."""

    @classmethod
    def name(cls) -> str:
        """What stands in ``format("etl")``."""
        return "etl"

    def schema(self) -> StructType:
        """The source's columns, as the live database has them."""
        with told():
            request = ReadRequest.of(self.options)
            with request.at.opened() as database:
                scan = open_scan(database, request.source, contract=request.contract)
        return spark_schema(scan.schema)

    def reader(self, schema: StructType) -> EtlReader:
        """What reads the rows."""
        with told():
            return EtlReader(ReadRequest.of(self.options), schema)

    def writer(self, schema: StructType, overwrite: bool) -> EtlWriter:
        """What writes rows; makes the stage that the tasks bring them to."""
        with told():
            request = WriteRequest.of(self.options, overwrite=overwrite)
            return EtlWriter(request, pl.Schema(polars_schema(schema)))
