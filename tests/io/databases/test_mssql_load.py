"""pyodbc's arrays of parameters: one test for each known pitfall of ``fast_executemany``.

No SQL Server runs where these tests do: pyodbc and the ODBC manager are the real ones, and the
database is PostgreSQL by its own ODBC driver. Its trace shows what pyodbc sent.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from etl.errors import ContractError
from etl.io.databases.columns import Column
from etl.io.databases.mssql_load import bindings, drain, fast_insert, is_microsoft
from etl.io.databases.odbc import join_parts
from etl.io.preflight import Rules, conform
from tests.requires import require, required_module

if TYPE_CHECKING:
    from collections.abc import Iterator

pyodbc = required_module("pyodbc", "unixODBC (apt install unixodbc)")

DRIVER = "PostgreSQL Unicode"
TYPES = {
    "flag": ("boolean", pl.Boolean()),
    "small": ("smallint", pl.Int16()),
    "number": ("integer", pl.Int32()),
    "big": ("bigint", pl.Int64()),
    "ratio": ("double precision", pl.Float64()),
    "price": ("numeric(20, 4)", pl.Decimal(20, 4)),
    "name": ("text", pl.String()),
    "day": ("date", pl.Date()),
    "at": ("timestamp(6)", pl.Datetime("us")),
    "zoned": ("timestamptz", pl.Datetime("us", "UTC")),
    "clock": ("time(6)", pl.Time()),
}
COLUMNS = [Column(name=name, type=kind, dtype=dtype) for name, (kind, dtype) in TYPES.items()]
SCHEMA = {name: dtype for name, (_, dtype) in TYPES.items()}


def login() -> str:
    default = "postgresql://postgres@127.0.0.1:5432/postgres"
    url = make_url(os.environ.get("ETL_TEST_POSTGRES_URL", default))
    return join_parts(
        [
            ("DRIVER", DRIVER),
            ("SERVER", url.host or "127.0.0.1"),
            ("PORT", str(url.port or 5432)),
            ("DATABASE", url.database or "postgres"),
            ("UID", url.username or "postgres"),
            ("PWD", str(url.password or "")),
            ("BoolsAsChar", "0"),
        ]
    )


@pytest.fixture(scope="module")
def connection() -> Iterator[pyodbc.Connection]:
    require(DRIVER in pyodbc.drivers(), f"the ODBC driver {DRIVER!r} (apt install odbc-postgresql)")
    try:
        made = pyodbc.connect(login(), autocommit=False)
    except pyodbc.Error as error:
        require(condition=False, what=f"PostgreSQL at ETL_TEST_POSTGRES_URL ({error.args[0]})")
        raise
    with closing(made):
        yield made


@pytest.fixture(params=[True, False], ids=["fast", "plain"])
def fast(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


class Table:
    """A temporary table, and what fast_insert makes of frames that go into it."""

    def __init__(self, connection: pyodbc.Connection, columns: list[Column]) -> None:
        self.cursor = connection.cursor()
        self.columns = columns
        lines = ", ".join(f'"{column.name}" {column.type}' for column in columns)
        self.cursor.execute(f"CREATE TEMP TABLE loaded (n serial, {lines})")

    def load(self, frame: pl.DataFrame, **options: Any) -> None:
        names = ", ".join(f'"{column.name}"' for column in self.columns)
        marks = ", ".join("?" * len(self.columns))
        sql = f"INSERT INTO loaded ({names}) VALUES ({marks})"
        fast_insert(self.cursor, sql, frame, self.columns, **options)

    def rows(self) -> list[tuple[Any, ...]]:
        names = ", ".join(f'"{column.name}"' for column in self.columns)
        # As text where pyodbc can't read a type of PostgreSQL's.
        names = names.replace(
            '"zoned"', """to_char("zoned" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"""
        )
        names = names.replace('"clock"', '"clock"::text')
        self.cursor.execute(f"SELECT {names} FROM loaded ORDER BY n")
        return [tuple(row) for row in self.cursor.fetchall()]


@pytest.fixture
def table(connection: pyodbc.Connection) -> Iterator[Any]:
    def make(columns: list[Column]) -> Table:
        connection.rollback()
        return Table(connection, columns)

    yield make
    connection.rollback()


def one(name: str, kind: str, dtype: pl.DataType) -> list[Column]:
    return [Column(name=name, type=kind, dtype=dtype)]


ROWS = st.lists(
    st.tuples(
        st.none() | st.booleans(),
        st.none() | st.integers(-(2**15), 2**15 - 1),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
        st.none() | st.decimals(-(10**15), 10**15, places=4, allow_nan=False),
        st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40),
        st.none() | st.dates(),
        st.none() | st.datetimes(),
        st.none() | st.datetimes(timezones=st.just(dt.UTC)),
        st.none() | st.times(),
    ),
    max_size=20,
)


def expected(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    zoned = pl.col("zoned").dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
    clock = pl.col("clock").map_elements(
        lambda value: value.isoformat().rstrip("0") if value.microsecond else value.isoformat(),
        return_dtype=pl.String,
    )
    return frame.with_columns(zoned, clock).rows()


@given(rows=ROWS)
def test_every_type_comes_back_as_it_was_sent(
    connection: pyodbc.Connection, rows: list[tuple[Any, ...]]
) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    for fast in (True, False):
        connection.rollback()
        table = Table(connection, COLUMNS)
        table.load(frame, fast=fast)
        assert table.rows() == expected(frame)


# The pitfalls, in the order of their table.


def test_wide_text_is_chunked_by_the_bytes_of_all_columns() -> None:
    narrow = pl.DataFrame({"a": ["x" * 10], "b": ["y" * 10]})
    wide = pl.DataFrame({"a": ["x" * 10], "b": ["y" * 3000]})
    assert [b.row_bytes for b in bindings(narrow)] == [32, 32]
    assert [b.row_bytes for b in bindings(wide)] == [32, 8192]


def test_a_chunk_stays_under_its_bytes_and_no_row_is_lost(table: Any, fast: bool) -> None:
    columns = one("name", "text", pl.String())
    frame = pl.DataFrame({"name": [f"{n:03d}" + "é" * 97 for n in range(500)]})
    seen: list[tuple[str, int, int | None]] = []
    loaded = table(columns)
    loaded.load(
        frame, fast=fast, chunk_bytes=26_400, progress=lambda *call: seen.append(call)
    )  # 128 units of two bytes, and an indicator: 264 bytes a row
    assert seen == [("rows", done, 500) for done in (100, 200, 300, 400, 500)]
    assert [row[0] for row in loaded.rows()] == frame["name"].to_list()


def test_one_row_over_the_chunks_bytes_still_goes(table: Any, fast: bool) -> None:
    columns = one("name", "text", pl.String())
    frame = pl.DataFrame({"name": ["x" * 50_000, None, "y"]})
    loaded = table(columns)
    loaded.load(frame, fast=fast, chunk_bytes=1)
    assert [row[0] for row in loaded.rows()] == frame["name"].to_list()


def test_text_that_fits_is_not_bound_as_max() -> None:
    sizes = [
        bindings(pl.DataFrame({"a": ["x" * n]}), microsoft=microsoft)[0].inputsize
        for n in (1, 100, 4000, 4001)
        for microsoft in (True, False)
    ]
    nvarchar, long = pyodbc.SQL_WVARCHAR, pyodbc.SQL_WLONGVARCHAR
    assert sizes == [
        *[(nvarchar, 1, 0)] * 2,
        *[(nvarchar, 128, 0)] * 2,
        *[(nvarchar, 4000, 0)] * 2,
        (nvarchar, 0, 0),
        (long, 4096, 0),
    ]


def test_binary_that_fits_is_not_bound_as_max() -> None:
    sizes = [
        bindings(pl.DataFrame({"a": [b"x" * n]}), microsoft=microsoft)[0].inputsize
        for n in (8000, 8001)
        for microsoft in (True, False)
    ]
    assert sizes == [
        *[(pyodbc.SQL_VARBINARY, 8000, 0)] * 2,
        (pyodbc.SQL_VARBINARY, 0, 0),
        (pyodbc.SQL_LONGVARBINARY, 8192, 0),
    ]


TRACED = """
import polars as pl, pyodbc, sys
from etl.io.databases.columns import Column
from etl.io.databases.mssql_load import fast_insert
connection = pyodbc.connect(sys.stdin.read())
cursor = connection.cursor()
cursor.execute("CREATE TEMP TABLE t (a text, b text, c double precision)")
frame = pl.DataFrame({
    "a": [None if n % 4 == 0 else "x" * (n % 40) for n in range(1000)],
    "b": [None] * 1000,
    "c": [None if n % 3 else float(n) for n in range(1000)],
}, schema={"a": pl.String, "b": pl.String, "c": pl.Float64})
columns = [Column(name=n, type="x", dtype=d) for n, d in frame.schema.items()]
fast_insert(cursor, "INSERT INTO t VALUES (?, ?, ?)", frame, columns, fast=True)
cursor.execute("SELECT COUNT(*), COUNT(a), COUNT(b), COUNT(c) FROM t")
print(*cursor.fetchone())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="unixODBC's trace")
def test_nulls_before_text_and_columns_of_nulls_do_not_split_the_batch(
    connection: pyodbc.Connection,
) -> None:
    assert connection is not None  # the driver is there
    listed = subprocess.run(["odbcinst", "-j"], capture_output=True, text=True, check=False)
    match = re.search(r"DRIVERS\.*: (\S+)", listed.stdout)
    require(match is not None, "odbcinst (apt install odbcinst)")
    assert match is not None
    # Not pytest's directory: unixODBC writes no trace where the path is long.
    with TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        settings = f"\n[ODBC]\nTrace=Yes\nTraceFile={trace}\n"
        (trace.parent / "odbcinst.ini").write_text(Path(match[1]).read_text() + settings)
        done = subprocess.run(
            [sys.executable, "-c", TRACED],
            input=login(),
            env={
                **os.environ,
                "ODBCSYSINI": directory,
                "PYTHONPATH": str(Path(__file__).parents[3]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.split() == ["1000", "750", "0", "334"], done.stderr
        log = trace.read_text(errors="replace")
    calls = re.findall(r"\[(SQL\w+)\.c\]\[\d+\]\s*\n\s*Entry:", log)
    assert calls.count("SQLExecute") == 1
    assert calls.count("SQLBindParameter") == 3
    after = calls[calls.index("SQLExecute") :]
    assert "SQLMoreResults" in after[: after.index("SQLExecDirectW")], "later errors are looked for"


def test_nat_becomes_null_and_never_the_year_one(table: Any, fast: bool) -> None:
    import pandas as pd

    columns = one("at", "timestamp(6)", pl.Datetime("us"))
    frame = pl.from_pandas(pd.DataFrame({"at": pd.to_datetime(["2024-01-02", None])}))
    fit = conform(frame, [("at", columns[0])], Rules(), table="t")
    loaded = table(columns)
    loaded.load(fit, fast=fast)
    assert loaded.rows() == [(dt.datetime(2024, 1, 2),), (None,)]  # noqa: DTZ001


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_refused_before_anything_is_sent(table: Any, value: float) -> None:
    loaded = table(one("ratio", "double precision", pl.Float64()))
    with pytest.raises(ContractError, match="NaN or infinity"):
        loaded.load(pl.DataFrame({"ratio": [1.0, value]}), fast=True)
    assert loaded.rows() == []


def test_an_offset_is_not_dropped(table: Any, fast: bool) -> None:
    zone = dt.timezone(dt.timedelta(hours=-7))
    frame = pl.DataFrame({"zoned": [dt.datetime(2024, 1, 1, 12, 0, 0, 1, tzinfo=zone), None]})
    frame = frame.with_columns(pl.col("zoned").dt.convert_time_zone("UTC"))
    loaded = table(one("zoned", "timestamptz", pl.Datetime("us", "UTC")))
    loaded.load(frame, fast=fast)
    assert loaded.rows() == [("2024-01-01 19:00:00.000001",), (None,)]


@pytest.mark.parametrize("dtype", [pl.Object(), pl.List(pl.Int64()), pl.Duration("us")])
def test_a_type_that_pyodbc_would_refuse_half_way_is_refused_at_once(dtype: pl.DataType) -> None:
    with pytest.raises(ContractError, match="can't be bound"):
        bindings(pl.DataFrame(schema={"a": dtype}))


def test_decimals_have_one_scale_and_lose_nothing(table: Any, fast: bool) -> None:
    values = [Decimal("1.5"), Decimal("-0.0001"), None, Decimal("9999999999999999.9999")]
    frame = pl.DataFrame({"price": values}, schema={"price": pl.Decimal(20, 4)})
    loaded = table(one("price", "numeric(20, 4)", pl.Decimal(20, 4)))
    loaded.load(frame, fast=fast)
    assert [row[0] for row in loaded.rows()] == values


@pytest.mark.parametrize(
    ("values", "column"),
    [
        (pl.Series("a", [1, 2]), one("a", "float", pl.Float64())),
        (pl.Series("a", [1.5]), one("a", "nvarchar", pl.String())),
        (pl.Series("a", ["x"]), one("a", "varbinary", pl.Binary())),
        (pl.Series("a", [True]), one("a", "int", pl.Int32())),
    ],
    ids=["int into float", "float into nvarchar", "text into binary", "bool into int"],
)
def test_a_column_is_of_one_type_its_own(table: Any, values: pl.Series, column: Any) -> None:
    with pytest.raises(ContractError, match="can't be sent"):
        fast_insert(None, "", values.to_frame(), column)


def test_microseconds_are_not_truncated(table: Any, fast: bool) -> None:
    values = [dt.datetime(2024, 1, 2, 3, 4, 5, 123456), dt.datetime.min, dt.datetime(9999, 12, 31)]  # noqa: DTZ001, DTZ901
    loaded = table(one("at", "timestamp(6)", pl.Datetime("us")))
    loaded.load(pl.DataFrame({"at": values}), fast=fast)
    assert [row[0] for row in loaded.rows()] == values
    assert bindings(pl.DataFrame({"at": values}))[0].inputsize == (93, 27, 7)


def test_text_goes_as_utf_16_never_by_a_code_page() -> None:
    assert bindings(pl.DataFrame({"a": ["ascii"]}))[0].sql_type == pyodbc.SQL_WVARCHAR


def test_emoji_take_two_units(table: Any, fast: bool) -> None:
    values = ["😀" * 26, "e\u0301", "漢字", ""]
    frame = pl.DataFrame({"name": values})
    assert bindings(frame)[0].size == 64
    loaded = table(one("name", "text", pl.String()))
    loaded.load(frame, fast=fast)
    assert [row[0] for row in loaded.rows()] == values


def test_integers_past_the_columns_range_are_another_type() -> None:
    # Int32 can't hold them; the preflight's cast is where a value too large is told.
    with pytest.raises(ContractError, match="Int64, and the column takes Int32"):
        fast_insert(None, "", pl.DataFrame({"a": [2**31]}), one("a", "int", pl.Int32()))


def test_an_empty_frame_sends_nothing(table: Any, fast: bool) -> None:
    loaded = table(COLUMNS)
    loaded.load(pl.DataFrame(schema=SCHEMA), fast=fast)
    assert loaded.rows() == []


def test_the_last_result_set_is_kept_and_all_are_gone_through(
    connection: pyodbc.Connection,
) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1; SELECT 2 UNION ALL SELECT 3")
    assert [row[0] for row in drain(cursor)] == [2, 3]
    connection.rollback()


def test_a_later_rows_error_is_raised_and_a_rollback_leaves_nothing(
    connection: pyodbc.Connection, fast: bool
) -> None:
    connection.rollback()
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP TABLE loaded (a integer CHECK (a < 990))")
    connection.commit()
    try:
        frame = pl.DataFrame({"a": range(1000)}, schema={"a": pl.Int32})
        with pytest.raises(pyodbc.Error):
            fast_insert(
                cursor,
                "INSERT INTO loaded VALUES (?)",
                frame,
                one("a", "integer", pl.Int32()),
                fast=fast,
                chunk_bytes=1600,
            )
        connection.rollback()
        assert cursor.execute("SELECT COUNT(*) FROM loaded").fetchval() == 0
    finally:
        connection.rollback()
        cursor.execute("DROP TABLE loaded")
        connection.commit()


def test_fast_executemany_is_for_microsofts_driver_only(table: Any) -> None:
    loaded = table(one("number", "integer", pl.Int32()))
    loaded.load(pl.DataFrame({"number": [1]}, schema={"number": pl.Int32}))
    assert not is_microsoft(loaded.cursor.connection)
    assert loaded.cursor.fast_executemany is False
    assert loaded.rows() == [(1,)]
