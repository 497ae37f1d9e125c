"""Rows into PostgreSQL over a connection of psycopg's: COPY, or INSERT where COPY is refused.

ADBC's binary COPY has a connection of its own, and takes longer to make its rows than the server to
load them (``benchmarks/README.md``).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Buffer: TypeAlias = bytes | memoryview

__all__ = ["SHAPES", "copy_in", "insert_rows", "stage_ddl"]

_COPY_ROWS: Final = 10_000
"""The server takes these in while the next ones are made."""
_BINARY_ROWS: Final = 50_000
"""Before it is worth while: numpy and Arrow's functions take 0.1 s to import."""

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


def copy_in(connection: Any, target: str, frame: pl.DataFrame, types: Sequence[str]) -> int:
    """COPY a frame into a table (with its columns in brackets); gives the server's count.

    As CSV, which every type of column takes; or binary, which the server loads in two thirds of the
    time.
    """
    form, parts = _form(frame, types)
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {target} FROM STDIN (FORMAT {form})") as copy:
            for part in parts:
                copy.write(part)
        return int(cursor.rowcount)


def _form(frame: pl.DataFrame, types: Sequence[str]) -> tuple[str, Iterator[Buffer]]:
    """The form that COPY is told, and the rows in it."""
    if frame.height >= _BINARY_ROWS:
        from etl.io.databases import postgres_binary as binary

        if all(map(binary.takes, types, frame.dtypes)):
            rows = binary.rows(frame, types, _COPY_ROWS)
            return "binary", chain([binary.START], rows, [binary.END])
    return "csv", map(_csv, frame.iter_slices(_COPY_ROWS))


def insert_rows(
    connection: Any,
    target: str,
    frame: pl.DataFrame,
    types: Sequence[str],  # noqa: ARG001 - the driver asks the server
) -> int:
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
