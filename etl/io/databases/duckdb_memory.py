"""Keep DuckDB small while rows stream through it.

DuckDB keeps every block of its file that it wrote or read, up to its ``memory_limit``: a stream of
any length would fill most of the machine. Its settings belong to a database, not to a connection
or a transaction (duckdb.org/docs/stable/configuration/overview): what is changed here is put back,
and nothing is changed while anybody else in the process has the database open.
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
    "coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory()"
)
_LIMIT: Final = "SELECT current_setting('memory_limit')"
_BUFFERED: Final = "write_buffer_row_group_count"
_CONNECTIONS: Final = "SELECT count FROM duckdb_connection_count()"
_OURS: Final = 2  # the one that streams, and the one that asks


def drop_cached(raw: Any) -> None:
    """Have DuckDB forget its file's blocks, if they are many; they are on the disk.

    Parameters
    ----------
    raw
        DuckDB's own connection. Its transaction is not touched: another connection to the same
        database lowers the limit that they share, which drops what nobody is using, and puts it
        back at once. A query of somebody else's might want memory at that moment.

    Examples
    --------
    >>> import duckdb
    >>> with duckdb.connect() as raw:
    ...     drop_cached(raw)
    """
    import duckdb

    with closing(raw.duplicate()) as aside:
        ((cached, used),) = aside.execute(_USED).fetchall()
        if cached <= _MOST_BYTES or not _alone(aside):
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
        alone = _alone(aside)
        if alone:
            ((count,),) = aside.execute(f"SELECT current_setting('{_BUFFERED}')").fetchall()
            aside.execute(f"SET {_BUFFERED} = 1")
    try:
        yield
    finally:
        if alone:
            # After a full disk a database may be past all use, and its settings with it.
            with suppress(duckdb.FatalException), closing(raw.duplicate()) as aside:
                aside.execute(f"SET {_BUFFERED} = {count}")


def _alone(aside: Any) -> bool:
    ((connections,),) = aside.execute(_CONNECTIONS).fetchall()
    return bool(connections <= _OURS)
