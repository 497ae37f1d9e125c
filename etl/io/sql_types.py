"""The one table between dataframe types and SQL types, for every engine.

Writing: :func:`ddl_type` gives the column type that a new table gets. Reading:
:func:`read_dtype` gives the polars type that a column of an existing table has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from etl.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DIALECTS", "ddl_type", "read_dtype", "text_length", "utf16_length"]

DIALECTS: Final = ("sqlite", "postgresql", "mssql", "duckdb", "mysql")

# dtype -> the type of a new column, in the order of DIALECTS. Where an engine lacks the type, the
# next wider one: values always survive. Braces take the decimal's precision and scale.
_DDL: Final[Mapping[type[pl.DataType], tuple[str, ...]]] = {
    pl.Int8: ("TINYINT", "smallint", "smallint", "TINYINT", "tinyint"),
    pl.Int16: ("SMALLINT", "smallint", "smallint", "SMALLINT", "smallint"),
    pl.Int32: ("INT4", "integer", "int", "INTEGER", "int"),
    pl.Int64: ("BIGINT", "bigint", "bigint", "BIGINT", "bigint"),
    pl.UInt8: ("UNSIGNED TINYINT", "smallint", "tinyint", "UTINYINT", "tinyint unsigned"),
    pl.UInt16: ("UNSIGNED SMALLINT", "integer", "int", "USMALLINT", "smallint unsigned"),
    pl.UInt32: ("UNSIGNED INT4", "bigint", "bigint", "UINTEGER", "int unsigned"),
    pl.UInt64: (
        "UNSIGNED BIGINT",
        "numeric(20, 0)",
        "decimal(20, 0)",
        "UBIGINT",
        "bigint unsigned",
    ),
    pl.Float32: ("FLOAT", "real", "real", "FLOAT", "double"),
    pl.Float64: ("DOUBLE", "double precision", "float", "DOUBLE", "double"),
    pl.Decimal: (
        "DECIMAL({p}, {s})",
        "numeric({p}, {s})",
        "decimal({p}, {s})",
        "DECIMAL({p}, {s})",
        "decimal({p}, {s})",
    ),
    pl.Boolean: ("BOOLEAN", "boolean", "bit", "BOOLEAN", "boolean"),
    pl.Binary: ("BLOB", "bytea", "varbinary(max)", "BLOB", "longblob"),
    pl.Date: ("DATE", "date", "date", "DATE", "date"),
    pl.Time: ("TIME", "time", "time(7)", "TIME", "time(6)"),
    # A duration is a count of microseconds everywhere: no engine's interval keeps it exactly.
    pl.Duration: ("BIGINT", "bigint", "bigint", "BIGINT", "bigint"),
}
_NAIVE: Final = ("DATETIME", "timestamp", "datetime2(7)", "TIMESTAMP", "datetime(6)")
_AWARE: Final = (
    "TIMESTAMP WITH TIME ZONE",
    "timestamptz",
    "datetimeoffset(7)",
    "TIMESTAMPTZ",
    "timestamp(6)",
)
_TEXT: Final = ("TEXT", "text", "nvarchar(max)", "VARCHAR", "longtext CHARACTER SET utf8mb4")
_TEXT_N: Final = (
    "VARCHAR({n})",
    "varchar({n})",
    "nvarchar({n})",
    "VARCHAR({n})",
    "varchar({n}) CHARACTER SET utf8mb4",
)

_NVARCHAR_LIMIT: Final = 4000
# Of a dialect: text that may be longer is unbounded. A row of MariaDB's holds 65,535 bytes in all
# its columns but the unbounded ones, four for each character.
_LONGEST: Final[Mapping[str, int]] = {"mssql": _NVARCHAR_LIMIT, "mysql": 255}
_TEXT_STEPS: Final = (50, 100, 255, 500, 1000, 2000, _NVARCHAR_LIMIT)
_SQLITE_DECIMAL_DIGITS: Final = 15

_US, _UTC = pl.Datetime("us"), pl.Datetime("us", "UTC")
# The engine's base type name, in lower case and without arguments -> the type it is read as.
_COMMON: Final[Mapping[str, pl.DataType]] = {
    "smallint": pl.Int16(),
    "integer": pl.Int32(),
    "int": pl.Int32(),
    "bigint": pl.Int64(),
    "real": pl.Float32(),
    "double precision": pl.Float64(),
    "date": pl.Date(),
    "time": pl.Time(),
    "char": pl.String(),
    "varchar": pl.String(),
    "text": pl.String(),
    "xml": pl.String(),
}
_READ: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    "sqlite": {
        **_COMMON,
        # Anybody's INTEGER holds 64 bits on SQLite, and its REAL is a double.
        **dict.fromkeys(("int", "integer", "int8", "mediumint", "bigint"), pl.Int64()),
        **dict.fromkeys(("real", "double", "double precision"), pl.Float64()),
        "float": pl.Float32(),
        "tinyint": pl.Int8(),
        "int2": pl.Int16(),
        "int4": pl.Int32(),
        "unsigned tinyint": pl.UInt8(),
        "unsigned smallint": pl.UInt16(),
        "unsigned int4": pl.UInt32(),
        "unsigned bigint": pl.UInt64(),
        **dict.fromkeys(("boolean", "bool", "bit"), pl.Boolean()),
        **dict.fromkeys(("datetime", "timestamp", "datetime2", "smalldatetime"), _US),
        **dict.fromkeys(("timestamp with time zone", "timestamptz", "datetimeoffset"), _UTC),
        **dict.fromkeys(
            ("nvarchar", "nchar", "character", "clob", "uniqueidentifier"), pl.String()
        ),
        **dict.fromkeys(("blob", "binary", "varbinary"), pl.Binary()),
    },
    "postgresql": {
        **_COMMON,
        **dict.fromkeys(("int2",), pl.Int16()),
        **dict.fromkeys(("int4", "serial"), pl.Int32()),
        **dict.fromkeys(("int8", "oid"), pl.Int64()),
        "float4": pl.Float32(),
        "float8": pl.Float64(),
        **dict.fromkeys(("bool", "boolean"), pl.Boolean()),
        "bytea": pl.Binary(),
        **dict.fromkeys(("timestamp", "timestamp without time zone"), _US),
        **dict.fromkeys(("timestamptz", "timestamp with time zone"), _UTC),
        "time without time zone": pl.Time(),
        "interval": pl.Duration("us"),
        **dict.fromkeys(
            ("bpchar", "character varying", "character", "name", "uuid", "json", "jsonb", "citext"),
            pl.String(),
        ),
    },
    "mssql": {
        **_COMMON,
        "tinyint": pl.UInt8(),
        "bit": pl.Boolean(),
        "float": pl.Float64(),
        "money": pl.Decimal(19, 4),
        "smallmoney": pl.Decimal(10, 4),
        **dict.fromkeys(("datetime", "datetime2", "smalldatetime"), _US),
        "datetimeoffset": _UTC,
        **dict.fromkeys(
            ("nchar", "nvarchar", "ntext", "sysname", "uniqueidentifier", "sql_variant"),
            pl.String(),
        ),
        **dict.fromkeys(("binary", "varbinary", "image", "timestamp", "rowversion"), pl.Binary()),
    },
    "mysql": {
        **_COMMON,
        "boolean": pl.Boolean(),
        "tinyint": pl.Int8(),
        "tinyint unsigned": pl.UInt8(),
        "smallint unsigned": pl.UInt16(),
        "year": pl.Int16(),
        **dict.fromkeys(("mediumint", "int"), pl.Int32()),
        **dict.fromkeys(("mediumint unsigned", "int unsigned"), pl.UInt32()),
        "bigint unsigned": pl.UInt64(),
        "float": pl.Float32(),
        "double": pl.Float64(),
        "datetime": _US,
        "timestamp": _UTC,
        **dict.fromkeys(("tinytext", "mediumtext", "longtext", "json", "enum"), pl.String()),
        **dict.fromkeys(
            ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit"),
            pl.Binary(),
        ),
    },
    "duckdb": {
        **_COMMON,
        "tinyint": pl.Int8(),
        "utinyint": pl.UInt8(),
        "usmallint": pl.UInt16(),
        "uinteger": pl.UInt32(),
        "ubigint": pl.UInt64(),
        "float": pl.Float32(),
        "double": pl.Float64(),
        "boolean": pl.Boolean(),
        "blob": pl.Binary(),
        **dict.fromkeys(("timestamp", "timestamp_ms", "timestamp_s"), _US),
        "timestamp_ns": pl.Datetime("ns"),
        **dict.fromkeys(("timestamptz", "timestamp with time zone"), _UTC),
        "interval": pl.Duration("us"),
        **dict.fromkeys(("uuid", "json", "enum"), pl.String()),
    },
}
_DECIMALS: Final = frozenset({"decimal", "numeric"})


def ddl_type(dtype: pl.DataType, dialect: str, *, length: int | None = None) -> str:
    """The column type that a new table gets for a dataframe's type.

    Parameters
    ----------
    dtype
        The polars type of the column.
    dialect
        One of :data:`DIALECTS`.
    length
        For text: the longest value allowed (UTF-16 units on SQL Server, characters elsewhere);
        None is unbounded.

    Raises
    ------
    ContractError
        The engine has no type that keeps every value: a list, a struct, an object.

    Examples
    --------
    >>> [ddl_type(pl.String(), d, length=50) for d in DIALECTS]
    ['VARCHAR(50)', 'varchar(50)', 'nvarchar(50)', 'VARCHAR(50)', 'varchar(50) CHARACTER SET utf8mb4']
    >>> ddl_type(pl.Datetime("us", "UTC"), "mssql")
    'datetimeoffset(7)'
    """
    at = DIALECTS.index(dialect)
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        if length is None or length > _LONGEST.get(dialect, length):
            return _TEXT[at]
        return _TEXT_N[at].format(n=max(1, length))
    if isinstance(dtype, pl.Datetime):
        return (_AWARE if dtype.time_zone else _NAIVE)[at]
    if isinstance(dtype, pl.Decimal):
        if dialect == "sqlite" and dtype.precision > _SQLITE_DECIMAL_DIGITS:
            raise ContractError(
                f"SQLite keeps decimals of up to {_SQLITE_DECIMAL_DIGITS} digits exactly; this one "
                f"has {dtype.precision}: cast it to Decimal({_SQLITE_DECIMAL_DIGITS}, "
                f"{min(dtype.scale, _SQLITE_DECIMAL_DIGITS)}) or to text"
            )
        return _DDL[pl.Decimal][at].format(p=dtype.precision, s=dtype.scale)
    try:
        return _DDL[dtype.base_type()][at]
    except KeyError:
        raise ContractError(
            f"no SQL type for {dtype}: join a list to text, or write nested values as JSON text"
        ) from None


def read_dtype(
    type_name: str,
    dialect: str,
    *,
    precision: int | None = None,
    scale: int | None = None,
) -> pl.DataType | None:
    """The polars type that a column is read as; None where only the values can tell.

    >>> read_dtype("numeric", "postgresql", precision=12, scale=2)
    Decimal(precision=12, scale=2)
    >>> read_dtype("timestamp", "mssql"), read_dtype("timestamp", "sqlite")
    (Binary, Datetime(time_unit='us', time_zone=None))
    """
    name = type_name.lower()
    if name in _DECIMALS:
        return None if precision is None else pl.Decimal(precision, scale or 0)
    known = _READ[dialect].get(name)
    if known is not None or dialect != "sqlite":
        return known
    # SQLite takes any name for a type; these are its own rules (sqlite.org/datatype3.html, 3.1).
    for part, dtype in (
        ("int", pl.Int64()),
        ("char", pl.String()),
        ("clob", pl.String()),
        ("text", pl.String()),
        ("blob", pl.Binary()),
        ("real", pl.Float64()),
        ("floa", pl.Float64()),
        ("doub", pl.Float64()),
    ):
        if part in name:
            return dtype
    return None


def utf16_length(column: str) -> pl.Expr:
    """The length of text in UTF-16 units, as SQL Server counts it: an emoji is two.

    >>> pl.DataFrame({"a": ["ab", "🎉"]}).select(utf16_length("a"))["a"].to_list()
    [2, 2]
    """
    text = pl.col(column)
    # Only characters past U+FFFF take four bytes in UTF-8, and they take two units in UTF-16.
    return text.str.len_chars() + text.str.count_matches(r"[\x{10000}-\x{10FFFF}]")


def text_length(lengths: Iterable[int | None]) -> int | None:
    """A sensible length for a new text column: room for twice the longest value seen.

    >>> text_length([3, None, 40]), text_length([]), text_length([3000])
    (100, 50, None)
    """
    needed = 2 * max((length for length in lengths if length is not None), default=0)
    return next((step for step in _TEXT_STEPS if step >= needed), None)
