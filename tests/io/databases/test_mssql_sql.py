"""The T-SQL that loads are made of: it parses, it quotes, and it says what was meant."""

from __future__ import annotations

import polars as pl
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from etl.config import DatabaseSettings
from etl.errors import ContractError
from etl.io.databases import mssql_sql as sql
from etl.io.databases.columns import Column, TableName
from etl.io.databases.keyed import Stage
from etl.io.databases.mssql import MssqlDatabase
from etl.io.databases.staging import drop_sql, publish_sql

DATABASE = MssqlDatabase(DatabaseSettings.from_url("mssql://etl:pw@db.example/sales"))
AWKWARD = ["a]b", 'a"b', "a b", "🎉", "order; drop table x--", "a]\"b'c", "select", "[x]"]
COLUMNS = [
    Column(name="id", type="int", dtype=pl.Int32(), nullable=False),
    Column(
        name="a]b", type="nvarchar", dtype=pl.String(), length=50, collation="Latin1_General_CI_AS"
    ),
    Column(name="day", type="datetime", dtype=pl.Datetime("us")),
    Column(name="raw", type="varbinary", dtype=pl.Binary()),
    Column(name="price", type="money", dtype=pl.Decimal(19, 4)),
]
TARGET = DATABASE.qualified(TableName("order; drop table x--", "dbo"))
STAGE = DATABASE.qualified(sql.stage_name(TableName("x", "dbo")))
NAMES = [DATABASE.quote(column.name) for column in COLUMNS]

STATEMENTS = {
    "default schema": sql.DEFAULT_SCHEMA,
    "schema exists": sql.SCHEMA_EXISTS,
    "columns": sql.COLUMNS,
    "flags": sql.FLAGS,
    "is babelfish": sql.IS_BABELFISH,
    "primary key": sql.PRIMARY_KEY,
    "referenced by": sql.REFERENCED_BY,
    "create stage": sql.create_stage(STAGE, COLUMNS),
    "insert values": sql.insert_values(STAGE, COLUMNS),
    "delete all": sql.counting(sql.delete_all(TARGET)),
    "publish": sql.counting(
        publish_sql(TARGET, NAMES, Stage(STAGE, tuple(sql.stage_columns(NAMES)), 1))
    ),
    "hold": sql.hold(TARGET),
    "update from": sql.update_from(TARGET, STAGE, "[day] = s.c3", "t.[id] = s.c1"),
    "delete where": sql.delete_where(TARGET, f"NOT EXISTS (SELECT 1 FROM {STAGE} AS s)"),
    "drop stage": drop_sql(STAGE),
    **{
        f"differs {column.type}": "SELECT 1 FROM t WHERE " + sql.differs(column, "t.a", "s.c1")
        for column in COLUMNS
    },
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_t_sql(name: str) -> None:
    for statement in sqlglot.parse(STATEMENTS[name], read="tsql"):
        assert statement is not None
        assert not isinstance(statement, exp.Command), "read as an opaque command"


def test_the_load_lock_names_no_table_and_needs_no_quoting() -> None:
    # sqlglot has no grammar for EXEC @variable = procedure; that it is safe can be seen.
    lock = sql.lock_load("[dbo].[it's]")
    assert "it's" not in lock
    assert lock == sql.lock_load("[DBO].[IT'S]")
    assert lock != sql.lock_load("[dbo].[its]")
    assert lock.count("'") == 6


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_name_is_one_identifier(name: str) -> None:
    tree = sqlglot.parse_one(f"SELECT {DATABASE.quote(name)} FROM t", read="tsql")
    assert [column.name for column in tree.find_all(exp.Column)] == [name]


# A name that begins with # is a temporary table's, and sqlglot reads it as such.
@given(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=60).filter(
        lambda name: not name.startswith("#")
    )
)
def test_any_name_is_one_identifier(name: str) -> None:
    tree = sqlglot.parse_one(
        f"SELECT 1 FROM {DATABASE.qualified(TableName(name, 'dbo'))}", read="tsql"
    )
    tables = list(tree.find_all(exp.Table))
    assert [(table.db, table.name) for table in tables] == [("dbo", name)]


@given(st.text(st.sampled_from("]a"), min_size=1, max_size=6))
def test_no_name_with_a_bracket_stands_in_brackets(name: str) -> None:
    # Babelfish can't read "]]".
    assert "]]" not in DATABASE.quote(name) or DATABASE.quote(name).startswith('"')


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 129, "🎉" * 65])
def test_a_name_that_sql_server_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ContractError):
        DATABASE.quote(name)


def test_two_stages_of_a_table_have_two_names_beside_it() -> None:
    table = TableName("orders", "sales")
    one, two = sql.stage_name(table), sql.stage_name(table)
    assert one.name != two.name
    assert one.schema == "sales"
    assert one.name.startswith(sql.STAGE_PREFIX)
    assert len(one.name) <= 128


def test_a_stage_has_the_targets_types_and_nothing_else_of_it() -> None:
    assert sql.create_stage("s", COLUMNS) == (
        "CREATE TABLE s (c1 int NULL, c2 nvarchar(50) COLLATE Latin1_General_CI_AS NULL, "
        "c3 datetime NULL, c4 varbinary(max) NULL, c5 decimal(19, 4) NULL)"
    )


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (("nvarchar", None, None, None), "nvarchar(max)"),
        (("char", 3, None, None), "char(3)"),
        (("ntext", None, None, None), "nvarchar(max)"),
        (("decimal", None, 38, 0), "decimal(38, 0)"),
        (("numeric", None, 10, 2), "decimal(10, 2)"),
        (("datetime2", None, None, 3), "datetime2(7)"),
        (("datetimeoffset", None, None, 0), "datetimeoffset(7)"),
        (("time", None, None, 0), "time(7)"),
        (("uniqueidentifier", None, None, None), "nvarchar(36)"),
        (("geography", None, None, None), "nvarchar(max)"),
    ],
)
def test_stage_types(column: tuple[str, int | None, int | None, int | None], expected: str) -> None:
    kind, length, precision, scale = column
    made = Column(
        name="a", type=kind, dtype=pl.String(), length=length, precision=precision, scale=scale
    )
    assert sql.stage_type(made) == expected


# As INFORMATION_SCHEMA.COLUMNS and sys.columns give them: name, type, length, precision, scale,
# fraction of a second, nullable, default, collation; then name, identity, computed.
CATALOGUE = [
    ("Id", "int", None, 10, 0, None, "NO", None, None),
    ("Name", "nvarchar", 50, None, None, None, "YES", "('')", "Latin1_General_CI_AS"),
    ("Notes", "nvarchar", -1, None, None, None, "YES", None, "Latin1_General_CI_AS"),
    ("Old", "text", 2147483647, None, None, None, "YES", None, "Latin1_General_CI_AS"),
    ("Price", "decimal", None, 12, 2, None, "YES", None, None),
    ("Cash", "money", None, 19, 4, None, "YES", None, None),
    ("Small", "tinyint", None, 3, 0, None, "YES", None, None),
    ("Ratio", "real", None, 24, None, None, "YES", None, None),
    ("At", "datetime2", None, None, None, 3, "YES", None, None),
    ("Zoned", "datetimeoffset", None, None, None, 7, "YES", None, None),
    ("Version", "timestamp", 8, None, None, None, "NO", None, None),
    ("Total", "decimal", None, 12, 2, None, "YES", None, None),
    ("Shape", "geography", -1, None, None, None, "YES", None, None),
]
FLAGS = [("id", 1, 0), ("name", 0, 0), ("total", False, True)]


def test_the_catalogue_becomes_columns() -> None:
    columns = {column.name: column for column in sql.catalogue_columns(CATALOGUE, FLAGS)}
    assert list(columns) == [row[0] for row in CATALOGUE]
    assert {name: column.dtype for name, column in columns.items()} == {
        "Id": pl.Int32(),
        "Name": pl.String(),
        "Notes": pl.String(),
        "Old": pl.String(),
        "Price": pl.Decimal(12, 2),
        "Cash": pl.Decimal(19, 4),
        "Small": pl.UInt8(),
        "Ratio": pl.Float32(),
        "At": pl.Datetime("us"),
        "Zoned": pl.Datetime("us", "UTC"),
        "Version": pl.Binary(),
        "Total": pl.Decimal(12, 2),
        "Shape": pl.String(),
    }
    # Flags match without regard to case: Babelfish folds the names of sys.columns.
    assert {name for name, column in columns.items() if column.generated} == {
        "Id",
        "Version",
        "Total",
    }
    assert {name: c.length for name, c in columns.items() if c.length} == {"Name": 50}
    assert columns["At"].scale == 3
    assert (columns["Price"].precision, columns["Price"].scale) == (12, 2)
    assert [name for name, column in columns.items() if column.has_default] == ["Name"]
    assert [name for name, column in columns.items() if not column.nullable] == ["Id", "Version"]


def test_where_names_differ_by_case_only_the_exact_one_counts() -> None:
    rows = [("a", "int", None, 10, 0, None, "NO", None, None)]
    rows.append(("A", *rows[0][1:]))
    columns = sql.catalogue_columns(rows, [("a", 0, 0), ("A", 1, 0)])
    assert [column.generated for column in columns] == [False, True]
