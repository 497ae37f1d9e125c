"""Keep DuckDB small while rows stream through it.

DuckDB keeps every block of its file that it wrote or read, up to its ``memory_limit``: a stream of
any length would fill most of the machine. Its settings belong to a database, not to a connection
or a transaction (duckdb.org/docs/stable/configuration/overview): whatever is changed here is put
back, for the database may be open elsewhere in the process.
"""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["drop_cached", "small_buffers"]

_MOST_BYTES: Final = 16 * 1024**2
_USED: Final = (
    "SELECT coalesce(sum(memory_usage_bytes) FILTER (tag = 'BASE_TABLE'), 0), "
    "coalesce(sum(memory_usage_bytes), 0), (SELECT count FROM duckdb_connection_count()) "
    "FROM duckdb_memory()"
)
_OURS: Final = 2  # the one that streams, and the one that asks
_LIMIT: Final = "SELECT current_setting('memory_limit')"
_BUFFERED: Final = "write_buffer_row_group_count"


def drop_cached(raw: Any) -> None:
    """Have DuckDB forget its file's blocks, if they are many; they are on the disk.

    Parameters
    ----------
    raw
        DuckDB's own connection. Its transaction is not touched: another connection to the same
        database lowers the limit that they share, which drops what nobody is using, and puts it
        back at once. While anybody else has the database open nothing is done: a query of theirs
        might want memory at that moment.

    Examples
    --------
    >>> import duckdb
    >>> with duckdb.connect() as raw:
    ...     drop_cached(raw)
    """
    import duckdb

    with closing(raw.duplicate()) as aside:
        ((cached, used, connections),) = aside.execute(_USED).fetchall()
        if cached <= _MOST_BYTES or connections > _OURS:
            return
        ((limit,),) = aside.execute(_LIMIT).fetchall()
        try:
            aside.execute(f"SET memory_limit = '{int(used - cached) + _MOST_BYTES // 2}B'")
        except duckdb.OutOfMemoryException:
            return  # all of it is in use; the limit is as it was
        _put_back(aside, limit)


def _put_back(aside: Any, limit: str) -> None:
    """The limit as it was: exactly if it is DuckDB's own, else as nearly as DuckDB tells it.

    It tells ``3.2 GiB`` of what was set as 3.3, and would tell 3.1 of what is set as 3.2.
    """
    aside.execute("RESET memory_limit")
    ((now,),) = aside.execute(_LIMIT).fetchall()
    if now != limit:
        number, unit = limit.split()
        told = number if unit == "bytes" else f"{float(number) + 0.02:.2f}"
        aside.execute(f"SET memory_limit = '{told} {unit}'")


@contextmanager
def small_buffers(raw: Any) -> Iterator[None]:
    """Have DuckDB write each full group of rows (122,880) at once, where it collects five."""
    import duckdb

    with closing(raw.duplicate()) as aside:
        ((count,),) = aside.execute(f"SELECT current_setting('{_BUFFERED}')").fetchall()
        aside.execute(f"SET {_BUFFERED} = 1")
    try:
        yield
    finally:
        # After a full disk a database may be past all use, and its settings with it.
        with suppress(duckdb.FatalException), closing(raw.duplicate()) as aside:
            aside.execute(f"SET {_BUFFERED} = {count}")
