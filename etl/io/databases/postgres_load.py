"""Rows into PostgreSQL over a connection of psycopg's: COPY, or INSERT where COPY is refused.

ADBC's binary COPY was measured beside it and is no faster (``benchmarks/README.md``): the server
takes as long, and CSV goes to every type of column, within the caller's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SHAPES", "copy_in", "insert_rows", "stage_ddl"]

_COPY_ROWS: Final = 10_000
"""The server takes these in while the next ones are made."""

# A column's type and collation, as DDL has them.
SHAPES: Final = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod)
           || coalesce(' COLLATE ' || quote_ident(n.nspname) || '.' || quote_ident(c.collname), '')
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation c ON c.oid = a.attcollation AND a.attcollation <> t.typcollation
    LEFT JOIN pg_namespace n ON n.oid = c.collnamespace
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""


def stage_ddl(stage: str, names: Sequence[str], shapes: Sequence[str]) -> str:
    """DDL of a staging table that other sessions see; a crash of the server may empty it.

    >>> stage_ddl("s", ["c1"], ["integer"])
    'CREATE UNLOGGED TABLE s (c1 integer)'
    """
    lines = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
    return f"CREATE UNLOGGED TABLE {stage} ({lines})"


def copy_in(connection: Any, target: str, frame: pl.DataFrame) -> int:
    """COPY a frame into a table (with its columns in brackets); gives the server's count."""
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)") as copy:
            for chunk in frame.iter_slices(_COPY_ROWS):
                copy.write(_csv(chunk))
        return int(cursor.rowcount)


def insert_rows(connection: Any, target: str, frame: pl.DataFrame) -> int:
    """As :func:`copy_in`, row by row: a table with row-level security takes no COPY."""
    marks = ", ".join(["%s"] * frame.width)
    with connection.cursor() as cursor:
        sql = f"INSERT INTO {target.replace('%', '%%')} VALUES ({marks})"
        cursor.executemany(sql, frame.iter_rows())
        return int(cursor.rowcount)


def _csv(frame: pl.DataFrame) -> bytes:
    """Rows as COPY reads them: text is quoted, so that an empty one differs from null."""
    changes = []
    for name, dtype in frame.schema.items():
        column = pl.col(name)
        if dtype == pl.Binary:
            changes.append(pl.concat_str(pl.lit("\\x"), column.bin.encode("hex")).alias(name))
        elif dtype == pl.Duration:
            changes.append(
                pl.concat_str(column.dt.total_microseconds(), pl.lit(" microseconds")).alias(name)
            )
    if changes:
        frame = frame.with_columns(changes)
    return frame.write_csv(include_header=False, quote_style="non_numeric").encode()
