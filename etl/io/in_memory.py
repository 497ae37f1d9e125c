"""DuckDB as a dataframe engine: relations of frames in memory, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["duckdb_relations"]


def duckdb_relations(*tables: pa.Table, time_zone: str = "UTC") -> list[Any]:
    """Make Arrow tables relations of one connection, which can therefore be joined.

    Parameters
    ----------
    *tables
        Arrow tables.
    time_zone
        The connection's: how it shows times that have one, and computes their dates.

    Raises
    ------
    ConfigError
        DuckDB is not installed.

    Examples
    --------
    >>> import pyarrow as pa
    >>> duckdb_relations(pa.table({"a": [1, 2]}))[0].sum("a").fetchall()
    [(3,)]
    """
    try:
        import duckdb
    except ImportError as error:
        raise ConfigError(
            f"DuckDB needs its package: pip install 'data-orchestration[duckdb]' ({error})"
        ) from error
    connection = duckdb.connect()
    connection.execute("SET TimeZone = ?", [time_zone])
    return [connection.from_arrow(table) for table in tables]
