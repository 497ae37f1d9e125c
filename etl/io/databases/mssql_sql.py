"""The T-SQL of loading and of the catalogue, kept to what SQL Server and Babelfish both take.

Names arrive quoted; values are bound. Staging columns are called ``c1``, ``c2``, ...: no driver
then has to quote a colleague's column name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import polars as pl

from etl.io.databases.columns import Column, TableName
from etl.io.databases.stages import STAGE_PREFIX, new_stage, stage_columns
from etl.io.sql_types import read_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "COLUMNS",
    "DEFAULT_SCHEMA",
    "FLAGS",
    "IS_BABELFISH",
    "PRIMARY_KEY",
    "REFERENCED_BY",
    "SCHEMA_EXISTS",
    "STAGES",
    "STAGE_PREFIX",
    "catalogue_columns",
    "counting",
    "create_stage",
    "delete_all",
    "delete_where",
    "differs",
    "hold",
    "insert_values",
    "lock_load",
    "lock_session",
    "stage_columns",
    "stage_name",
    "stage_type",
    "unlock_session",
    "update_from",
]

_BINARY: Final = "Latin1_General_90_BIN2"

DEFAULT_SCHEMA: Final = "SELECT SCHEMA_NAME()"
# 1 on Babelfish (its FAQ); SQL Server does not know that property, and gives null
# (learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql).
IS_BABELFISH: Final = "SELECT CAST(SERVERPROPERTY('Babelfish') AS int)"
SCHEMA_EXISTS: Final = "SELECT 1 FROM sys.schemas WHERE name = ?"

# INFORMATION_SCHEMA and not sys.columns: Babelfish keeps a name's case only there.
COLUMNS: Final = """
SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,
       DATETIME_PRECISION, IS_NULLABLE, COLUMN_DEFAULT, COLLATION_NAME
FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
ORDER BY ORDINAL_POSITION
"""
FLAGS: Final = (
    "SELECT name, is_identity, is_computed FROM sys.columns WHERE object_id = OBJECT_ID(?)"
)

PRIMARY_KEY: Final = """
SELECT k.COLUMN_NAME
FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS t
JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS k
  ON k.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA AND k.CONSTRAINT_NAME = t.CONSTRAINT_NAME
  AND k.TABLE_SCHEMA = t.TABLE_SCHEMA AND k.TABLE_NAME = t.TABLE_NAME
WHERE t.CONSTRAINT_TYPE = 'PRIMARY KEY' AND t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ?
ORDER BY k.ORDINAL_POSITION
"""

REFERENCED_BY: Final = """
SELECT DISTINCT s.name, t.name
FROM sys.foreign_keys AS f
JOIN sys.tables AS t ON t.object_id = f.parent_object_id
JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE f.referenced_object_id = OBJECT_ID(?) AND f.parent_object_id <> f.referenced_object_id
"""

# Both clocks are the server's, and in its time zone. Babelfish may not know the age: it is null.
STAGES: Final = """
SELECT s.name, t.name, DATEDIFF(second, t.create_date, GETDATE())
FROM sys.tables AS t
JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE t.name LIKE '!_etl!_stage!_%' ESCAPE '!'
"""

# Types whose length the catalogue tells in bytes or UTF-16 units.
_SIZED: Final = frozenset({"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"})
_FRACTIONAL: Final = frozenset({"datetime", "datetime2", "smalldatetime", "datetimeoffset", "time"})
_COLLATED: Final = frozenset({"char", "varchar", "text", "nchar", "nvarchar", "ntext"})

# A column's type -> its staging column's, where they differ: the server converts on publishing,
# and the drivers meet a dozen types only. {n} is the length or max.
_STAGED: Final[Mapping[str, str]] = {
    "char": "char({n})",
    "varchar": "varchar({n})",
    "text": "varchar(max)",
    "nchar": "nchar({n})",
    "nvarchar": "nvarchar({n})",
    "sysname": "nvarchar(128)",
    "ntext": "nvarchar(max)",
    "uniqueidentifier": "nvarchar(36)",
    "sql_variant": "nvarchar(4000)",
    "binary": "binary({n})",
    "varbinary": "varbinary({n})",
    "image": "varbinary(max)",
    "decimal": "decimal({p}, {s})",
    "numeric": "decimal({p}, {s})",
    "money": "decimal(19, 4)",
    "smallmoney": "decimal(10, 4)",
    "datetime2": "datetime2(7)",
    "datetimeoffset": "datetimeoffset(7)",
    "time": "time(7)",
    **{
        name: name
        for name in (
            *("tinyint", "smallint", "int", "bigint", "bit", "real", "float"),
            *("date", "datetime", "smalldatetime"),
        )
    },
}


def catalogue_columns(
    rows: Iterable[Sequence[object]], flags: Iterable[Sequence[object]]
) -> list[Column]:
    """The columns of a table from the rows of :data:`COLUMNS` and :data:`FLAGS`."""
    by_name: dict[str, bool] = {}
    for name, identity, computed in flags:
        generated = bool(identity) or bool(computed)
        by_name[str(name)] = generated
        by_name.setdefault(str(name).casefold(), generated)  # Babelfish folds the names here
    return [_column(row, by_name) for row in rows]


def _column(row: Sequence[object], generated: Mapping[str, bool]) -> Column:
    name, kind = str(row[0]), str(row[1]).lower()
    size, digits, scale, fraction = (_integer(value) for value in row[2:6])
    if kind in _FRACTIONAL:
        digits, scale = None, fraction
    elif kind not in {"decimal", "numeric"}:
        digits, scale = None, None
    return Column(
        name=name,
        type=kind,
        # What no table of types knows (geography, hierarchyid) goes as the text it converts from.
        dtype=read_dtype(kind, "mssql", precision=digits, scale=scale) or pl.String(),
        length=size if kind in _SIZED and size is not None and size > 0 else None,
        precision=digits,
        scale=scale,
        nullable=str(row[6]).upper() != "NO",
        has_default=row[7] is not None,
        generated=kind in {"timestamp", "rowversion"}
        or generated.get(name, generated.get(name.casefold(), False)),
        collation=None if row[8] is None else str(row[8]),
    )


def _integer(value: object) -> int | None:
    return None if value is None else int(str(value))


def stage_name(table: TableName) -> TableName:
    """A new staging table's name, in the target's schema.

    >>> stage_name(TableName("orders", "dbo")).schema
    'dbo'
    """
    return new_stage(table.schema)


def stage_type(column: Column) -> str:
    """The type of the staging column that a column's values wait in.

    >>> stage_type(Column(name="a", type="nvarchar", dtype=pl.String(), length=50))
    'nvarchar(50)'
    >>> stage_type(Column(name="a", type="money", dtype=pl.Decimal(19, 4)))
    'decimal(19, 4)'
    """
    kind = _STAGED.get(column.type, "nvarchar(max)")
    return kind.format(n=column.length or "max", p=column.precision, s=column.scale or 0)


def create_stage(stage: str, columns: Sequence[Column]) -> str:
    """DDL of a staging table: the target's types, no identity, no defaults, all nullable."""
    lines = [
        f"{name} {stage_type(column)}{_collate(column)} NULL"
        for name, column in zip(stage_columns(columns), columns, strict=True)
    ]
    return f"CREATE TABLE {stage} ({', '.join(lines)})"


def _collate(column: Column) -> str:
    """The target's collation: a varchar's code page hangs on it, and so does what a key equals."""
    if column.type not in _COLLATED or (column.collation or "default").casefold() == "default":
        return ""  # the database's own
    return f" COLLATE {column.collation}"


def insert_values(stage: str, columns: Sequence[Column]) -> str:
    """A parametrised INSERT of one row into a staging table."""
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {stage} ({', '.join(stage_columns(columns))}) VALUES ({marks})"


def lock_load(table: str) -> str:
    """Keep this package's other loads of a table out until the transaction ends; gives a code.

    An application lock and no table lock: readers go on, and engines whose readers never wait
    (Babelfish) keep two replaces apart by it too. Below 0 is a failure
    (learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql).
    """
    return (
        "DECLARE @etl_lock int; "
        f"EXEC @etl_lock = sp_getapplock @Resource = '{_resource(table.casefold())}', @LockMode = 'Exclusive', "
        "@LockOwner = 'Transaction', @LockTimeout = 600000; "
        "SELECT @etl_lock"
    )


def lock_session(name: str) -> str:
    """Take an application lock for this session, or leave it at once; gives 1 or 0."""
    return (
        "DECLARE @etl_lock int; "
        f"EXEC @etl_lock = sp_getapplock @Resource = '{_resource(name)}', "
        "@LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0; "
        "SELECT CASE WHEN @etl_lock >= 0 THEN 1 ELSE 0 END"
    )


def unlock_session(name: str) -> str:
    """Give back what :func:`lock_session` took once."""
    return f"EXEC sp_releaseapplock @Resource = '{_resource(name)}', @LockOwner = 'Session'"


def _resource(name: str) -> str:
    """The name of a lock, hashed: it can't hold a quote, and is short.

    255 characters are allowed; Babelfish writes a name into messages of 127.
    """
    return f"etl:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def delete_all(table: str) -> str:
    """Empty a table. DELETE keeps grants, indexes and triggers; TRUNCATE would stop readers.

    TABLOCKX spares a lock a row, and keeps other writers' rows from slipping in between.
    """
    return f"DELETE FROM {table} WITH (TABLOCKX)"


def hold(table: str) -> str:
    """Keep everybody out of a table until the transaction ends, which is the short publish.

    Readers too: by row locks alone, a scan that is under way could pass between old and new rows.
    TOP (0) would be answered without touching the table.
    """
    return f"SELECT TOP (1) 1 FROM {table} WITH (TABLOCKX, HOLDLOCK)"


def counting(statement: str) -> str:
    """A statement, and then the server's count of the rows that it changed.

    Not the driver's count: what a trigger does comes first in that one.
    """
    return f"{statement}; SELECT @@ROWCOUNT"


def update_from(target: str, stage: str, changes: str, condition: str) -> str:
    """Update the target's rows (``t``) from the stage's (``s``)."""
    return f"UPDATE t SET {changes} FROM {target} AS t INNER JOIN {stage} AS s ON {condition}"


def delete_where(target: str, condition: str) -> str:
    """Delete the target's rows (``t``) for which a condition holds."""
    return f"DELETE t FROM {target} AS t WHERE {condition}"


def differs(column: Column, old: str, new: str) -> str:
    """A condition that two values are not the same to the byte; null equals null.

    >>> differs(Column(name="a", type="int", dtype=pl.Int32()), "t.a", "s.c1")
    '(t.a <> s.c1 OR (t.a IS NULL AND s.c1 IS NOT NULL) OR (t.a IS NOT NULL AND s.c1 IS NULL))'
    """
    changed = f"{old} <> {new}"
    if column.dtype == pl.String and column.type not in {"uniqueidentifier", "sql_variant"}:
        # Every collation ignores trailing blanks, and most of them case: compare code points, and
        # lengths. As nvarchar, since a collation's code page would change a varchar's letters.
        wide, staged = f"CAST({old} AS nvarchar(max))", f"CAST({new} AS nvarchar(max))"
        changed = (
            f"{wide} COLLATE {_BINARY} <> {staged} COLLATE {_BINARY} "
            f"OR DATALENGTH({wide}) <> DATALENGTH({staged})"
        )
    elif column.dtype == pl.Binary:
        wide, staged = f"CAST({old} AS varbinary(max))", f"CAST({new} AS varbinary(max))"
        changed = f"{wide} <> {staged} OR DATALENGTH({wide}) <> DATALENGTH({staged})"
    return (
        f"({changed} OR ({old} IS NULL AND {new} IS NOT NULL) "
        f"OR ({old} IS NOT NULL AND {new} IS NULL))"
    )
