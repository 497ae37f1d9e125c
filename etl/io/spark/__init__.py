"""Spark: a session for a run, frames as it takes them, and a data source that is this package's door.

>>> from etl.io.spark import register
>>> register.__module__
'etl.io.spark'
"""

from __future__ import annotations

from typing import Any

__all__ = ["register"]


def register(spark: Any) -> None:
    """Make ``spark.read.format("etl")`` and ``df.write.format("etl")`` known to a session.

    Parameters
    ----------
    spark
        A session, of Spark Connect as well; a new one of the same cluster is told anew. Its
        executors need this package, and a ``config.yaml`` (docs/spark.md).

    Raises
    ------
    ConfigError
        pyspark is missing, or older than 4.

    Examples
    --------
    ::

        register(spark)
        orders = spark.read.format("etl").options(database="orders", table="dbo.orders").load()
    """
    from etl.errors import ConfigError

    try:
        from etl.io.spark.source import EtlDataSource
    except ImportError as error:
        raise ConfigError(
            "Spark's data source needs pyspark 4 or later: "
            f"pip install 'data-orchestration[spark]' ({error})"
        ) from error
    spark.dataSource.register(EtlDataSource)
