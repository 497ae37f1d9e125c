"""scan_frame: the rows of reading all and filtering in polars, with less sent over the wire."""

# ruff: noqa: DTZ001 - naive datetimes are what many columns hold

from __future__ import annotations

import datetime as dt
import logging
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import ContractError, LoadError
from etl.io import db_helper as db
from etl.io.databases import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.databases import Door

UTC = dt.UTC
NAN, INFINITY = float("nan"), float("inf")
MOMENTS = [
    dt.datetime(2024, 1, 1),
    dt.datetime(2024, 1, 1, 3, 4, 5, 500_000),
    dt.datetime(2024, 1, 1, 3, 4, 5, 500_001),
    dt.datetime(1, 1, 1),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999),
]
TEXTS = [
    "", " ", "a", "A", "a ", "ab", "aB", "a%", "a_b", "b", "Z", "[a]", "!", "'", "a'b", "\\", "e",
    "é", "e\u0301", "🎉", "🎉x", "日本", "\t",
]  # fmt: skip
# dtype -> the values that columns hold and that filters ask for
POOLS: dict[str, tuple[pl.DataType, list[Any]]] = {
    "whole": (pl.Int64(), [-2, 0, 1, 2, 3, 2**40, -(2**63), 2**63 - 1]),
    "tiny": (pl.UInt8(), [0, 1, 2, 255]),
    "real": (pl.Float64(), [-1.5, -0.0, 0.0, 0.1, 0.3, 2.0, 1e300, -1e300, 5e-324]),
    "single": (pl.Float32(), [0.1, 1.5, -2.25, 3e38]),
    "money": (
        pl.Decimal(12, 2),
        [Decimal(t) for t in ("-3.10", "0.00", "0.30", "1.25", "9999999999.99")],
    ),
    "flag": (pl.Boolean(), [True, False]),
    "text": (pl.String(), TEXTS),
    "bytes": (pl.Binary(), [b"", b"a", b"a\0", b"A", b"\xff"]),
    "day": (pl.Date(), [dt.date(2024, 1, 1), dt.date(2024, 2, 29), dt.date.min, dt.date.max]),
    "moment": (pl.Datetime("us"), MOMENTS),
    "utc": (pl.Datetime("us", "UTC"), [m.replace(tzinfo=UTC) for m in MOMENTS]),
    "time": (pl.Time(), [dt.time(0), dt.time(3, 4, 5, 500_000), dt.time.max]),
}
# What a filter may ask for beside these: values between them, and of other types.
ASKED: dict[str, list[Any]] = {
    "whole": [5, 300, 1.5, 2.0, -0.5],
    "tiny": [7, 300, -1, 1.5],
    "real": [0.2, 1, NAN, INFINITY, -INFINITY],
    "single": [0.2, 1, NAN, INFINITY],
    "money": [Decimal("1.255"), Decimal("0.3"), 1, 0.3, 1.25, 1.2],
    "text": ["B", "a  ", "zz", "%", "_"],
    "day": [dt.date(2024, 1, 15), dt.datetime(2024, 1, 1, 12)],
    "moment": [dt.datetime(2024, 1, 1, 3), dt.date(2024, 1, 1)],
    "utc": [dt.datetime(2024, 1, 1, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))],
    "time": [dt.time(12, 30)],
}
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge", "eq_missing", "ne_missing"]


def table_of(door: Door, rows: int = 60) -> pl.DataFrame:
    """Rows with every value of the pools and with nulls; the same ones each time."""
    chance = random.Random(20_240_101)  # noqa: S311
    pools = {name: list(values) for name, (_, values) in POOLS.items()}
    if door.database.rules.nan:
        pools["real"] += [NAN]
        pools["single"] += [NAN]
    if door.database.rules.infinity:
        pools["real"] += [INFINITY, -INFINITY]
    columns = [pl.Series("id", range(rows), dtype=pl.Int64)]
    for name, values in pools.items():
        cells = (values * rows)[: rows - 8] + [None] * 8
        chance.shuffle(cells)
        columns.append(pl.Series(name, cells, dtype=POOLS[name][0]))
    return pl.DataFrame(columns)


@st.composite
def leaves(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from(list(POOLS)))
    dtype, values = POOLS[name]
    column = pl.col(name)
    known = st.sampled_from(values)
    asked = st.sampled_from([*values, *ASKED.get(name, [])])
    kind = draw(st.sampled_from(["compare"] * 4 + ["in", "in", "between", "null", "more"]))
    if kind == "compare":
        method = draw(st.sampled_from(COMPARISONS))
        value = draw(asked)
        other = pl.lit(None, dtype=dtype) if draw(st.integers(0, 9)) == 0 else pl.lit(value)
        if method.endswith("missing") or draw(st.booleans()):
            return getattr(column, method)(other)
        return getattr(other, method)(column)
    if kind == "in":
        listed = draw(st.lists(st.none() | known, max_size=4))
        return column.is_in(pl.Series(listed, dtype=dtype), nulls_equal=draw(st.booleans()))
    if kind == "between":
        closed = draw(st.sampled_from(["both", "left", "right", "none"]))
        return column.is_between(draw(known), draw(known), closed=closed)
    if kind == "null":
        return draw(st.sampled_from([column.is_null(), column.is_not_null()]))
    prefix = draw(st.sampled_from([*TEXTS, "A ", "e", "%", "[", "a_"]))
    return draw(
        st.sampled_from(
            [
                pl.col("text").str.starts_with(prefix),
                pl.col("text").str.ends_with(prefix),
                pl.col("text").str.len_chars() == 2,
                pl.col("flag"),
                pl.col("whole") > pl.col("tiny"),
                pl.col("whole") % 2 == 0,
                pl.lit(value=True),
                pl.lit(None, dtype=pl.Boolean),
            ]
        )
    )


def grown(parts: st.SearchStrategy[pl.Expr]) -> st.SearchStrategy[pl.Expr]:
    return st.one_of(
        st.builds(lambda a, b: a & b, parts, parts),
        st.builds(lambda a, b: a | b, parts, parts),
        st.builds(lambda a, b: a ^ b, parts, parts),
        st.builds(lambda a: ~a, parts),
        st.builds(lambda a, b, c: pl.when(a).then(b).otherwise(c), parts, parts, parts),
        st.builds(pl.all_horizontal, parts, parts),
        st.builds(pl.any_horizontal, parts, parts),
    )


FILTERS = st.recursive(leaves(), grown, max_leaves=6)
PROJECTIONS = st.lists(st.sampled_from(list(POOLS)), unique=True)


def scanned(door: Door, source: Any, **options: Any) -> pl.LazyFrame:
    return db.scan_frame(source, door.settings, **options)


@pytest.mark.parametrize("as_query", [False, True], ids=["table", "query"])
def test_any_filter_gives_the_rows_of_reading_all(door: Door, as_query: bool) -> None:
    table = door.table()
    door.write(table_of(door), table)
    source = f"select * from {door.quoted(table)}" if as_query else table
    everything, lazy = door.read(source), scanned(door, source, batch_rows=25)
    assert lazy.collect_schema() == everything.schema

    @settings(max_examples=80, deadline=None)
    @given(wanted=FILTERS, names=PROJECTIONS, engine=st.sampled_from(["in-memory", "streaming"]))
    def same(wanted: pl.Expr, names: list[str], engine: Any) -> None:
        try:
            expected = everything.filter(wanted).select("id", *names)
        except pl.exceptions.PolarsError:  # polars itself refuses to compare these
            return
        found = lazy.filter(wanted).select("id", *names).collect(engine=engine).sort("id")
        assert found.equals(expected.sort("id"), null_equal=True)

    same()


def test_a_limit_gives_that_many_of_the_rows(door: Door) -> None:
    table = door.table()
    door.write(table_of(door), table)
    everything, lazy = door.read(table), scanned(door, table, batch_rows=7)

    @settings(max_examples=30, deadline=None)
    @given(
        wanted=FILTERS, count=st.integers(0, 70), engine=st.sampled_from(["in-memory", "streaming"])
    )
    def same(wanted: pl.Expr, count: int, engine: Any) -> None:
        try:
            matching = everything.filter(wanted)
        except pl.exceptions.PolarsError:
            return
        after = lazy.filter(wanted).head(count).collect(engine=engine)
        assert after.height == min(count, matching.height)
        assert set(after["id"]) <= set(matching["id"])
        before = lazy.head(count).filter(wanted).collect(engine=engine)
        # Any rows may be the first ones: these many of them match at least, and at most.
        misses = everything.height - matching.height
        assert max(0, min(count, everything.height) - misses) <= before.height <= after.height
        assert set(before["id"]) <= set(matching["id"])

    same()


class Sent:
    """What went to the database, and how much came back."""

    def __init__(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: list[str] = []
        self.values: list[Any] = []
        self.heights: list[int] = []
        self.widths: set[int] = set()
        database = open_database(door.settings)
        real = database.fetch

        def counted(connection: Any, sql: str, values: Any, **options: Any) -> Iterator[Any]:
            self.statements.append(sql)
            self.values.append(values)
            for frame in real(connection, sql, values, **options):
                self.heights.append(frame.height)
                self.widths.add(frame.width)
                yield frame

        monkeypatch.setattr(database, "fetch", counted)

    @property
    def rows(self) -> int:
        return sum(self.heights)


@pytest.fixture
def hundred(door: Door) -> str:
    """A table of a hundred rows: ``n`` from 0, ``s`` of three texts, ``pad`` for its width."""
    table = door.table("hundred %")
    frame = pl.DataFrame({"n": range(100), "s": ["a", "A", None, "b"] * 25, "pad": ["x"] * 100})
    door.write(frame, table)
    return table


def test_columns_filters_and_limits_run_in_the_database(
    door: Door, hundred: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazy = scanned(door, hundred)
    sent = Sent(door, monkeypatch)
    found = lazy.filter(pl.col("n") >= 90, pl.col("s") == "a").select("n").collect()
    assert sorted(found["n"]) == [92, 96]
    assert " WHERE " in sent.statements[0]
    assert "pad" not in sent.statements[0]
    assert list(sent.values[0]) in ([90, "a"], ["a", 90])
    assert sent.widths == {2}
    assert sent.rows <= 5  # SQL Server's collation may bring "A"

    sent = Sent(door, monkeypatch)
    assert lazy.head(3).collect().height == 3
    assert sent.rows == 3
    assert "TOP (3)" in sent.statements[0] or "LIMIT 3" in sent.statements[0]


def test_what_sql_can_not_say_is_left_to_polars_and_the_rest_is_sent(
    door: Door, hundred: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent(door, monkeypatch)
    lazy = scanned(door, hundred)
    wanted = (pl.col("n") < 10) & (pl.col("n") % 3 == 0)
    assert sorted(lazy.filter(wanted).collect()["n"]) == [0, 3, 6, 9]
    assert sent.heights[-1] == 10


def test_a_python_function_filters_as_a_column(door: Door, hundred: str) -> None:
    ok = pl.col("n").map_elements(
        lambda n: len({*str(n), "7"}) == len(set(str(n))), return_dtype=pl.Boolean
    )
    found = scanned(door, hundred).with_columns(ok=ok).filter("ok").collect()
    assert sorted(found["n"]) == [n for n in range(100) if "7" in str(n)]


def test_a_limit_before_a_filter_is_a_limit_of_the_table(door: Door, hundred: str) -> None:
    lazy = scanned(door, hundred)
    assert lazy.head(10).filter(pl.col("s").is_null()).collect().height <= 10
    assert lazy.head(100).filter(pl.col("n") == 99).collect().height == 1
    if door.dialect == "sqlite":  # rows come in the order of their numbers
        assert lazy.head(10).filter(pl.col("n") >= 8).collect()["n"].to_list() == [8, 9]


def test_rows_arrive_in_batches_and_no_more_than_are_needed(
    door: Door, hundred: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazy = scanned(door, hundred, batch_rows=10)
    sent = Sent(door, monkeypatch)
    assert lazy.collect(engine="streaming").height == 100
    assert max(sent.heights) == 10

    sent = Sent(door, monkeypatch)
    few = lazy.filter(pl.col("n") >= 0).head(5).collect(engine="streaming")
    assert few.height == 5
    assert sent.rows < 100


def test_explain_shows_the_sql(door: Door, hundred: str) -> None:
    text = scanned(door, hundred).filter(pl.col("n") > 5).explain()
    assert f"FROM {door.quoted(hundred)}" in text
    assert door.database.title in text
    text = scanned(door, f"select n\nfrom {door.quoted(hundred)} where n > ?", params=[7]).explain()
    assert f"select n from {door.quoted(hundred)} where n >" in text


def test_the_statement_is_logged_without_values(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    table = door.table()
    door.write(pl.DataFrame({"s": ["secret", "open"]}), table)
    with caplog.at_level(logging.DEBUG, "etl.io.scanning"):
        scanned(door, table).filter(pl.col("s") == "secret").collect()
    assert any(" WHERE " in record.getMessage() for record in caplog.records)
    assert "secret" not in caplog.text


def test_a_scan_can_be_read_again_and_joined(door: Door, hundred: str) -> None:
    lazy = scanned(door, hundred, batch_rows=30)
    first, again = lazy.collect().sort("n"), lazy.collect().sort("n")
    assert first.equals(again, null_equal=True)
    door.execute(f"DELETE FROM {door.quoted(hundred)} WHERE n >= 50")
    assert lazy.select(pl.len()).collect().item() == 50
    other = scanned(door, hundred).filter(pl.col("n") < 20).select("n", twin="s")
    for engine in ("in-memory", "streaming"):
        joined = lazy.join(other, on="n").collect(engine=engine)
        assert joined.height == 20
        itself = lazy.join(lazy, on="n").collect(engine=engine)
        assert itself.height == 50


def test_a_scan_can_be_written_to_its_own_table(door: Door, hundred: str) -> None:
    if door.dialect == "mssql":
        pytest.skip("a load holds the table that the scan would read; collect() it first")
    door.write(scanned(door, hundred).filter(pl.col("n") < 5), hundred, mode="replace")
    assert sorted(door.read(hundred)["n"]) == [0, 1, 2, 3, 4]


def test_queries_files_and_selects_are_scanned(door: Door, hundred: str, tmp_path: Path) -> None:
    name = door.quoted(hundred)
    by_name = scanned(
        door,
        f"select n, s as letter from {name} where n < :top and '%' <> ':top'",
        params={"top": 50},
    )
    assert sorted(by_name.filter(pl.col("letter") == "b").collect()["n"]) == list(range(3, 50, 4))
    file = tmp_path / "some.sql"
    file.write_text(
        f"select top 5 n, isnull(s, N'?') as s from {name} order by n desc -- the last\n"
    )
    assert scanned(door, str(file)).filter(pl.col("n") > 96).collect().height == 3
    columns = sa.table(sa.quoted_name(hundred.strip('"'), quote=True), sa.column("n"))
    select = sa.select(columns.c.n).where(columns.c.n > sa.bindparam("least"))
    lazy = scanned(door, select, params={"least": 95})
    assert sorted(lazy.filter(pl.col("n") != 97).collect()["n"]) == [96, 98, 99]


def test_errors_are_the_doors(door: Door, hundred: str) -> None:
    with pytest.raises(LoadError, match="has no table nowhere"):
        scanned(door, "nowhere")
    with pytest.raises(LoadError, match=r"(?i)nowhere"):
        scanned(door, "select nope from nowhere")
    with pytest.raises(ContractError, match="batch_rows must be at least 1, not 0"):
        scanned(door, hundred, batch_rows=0)
    with pytest.raises(ContractError, match="a procedure can't be scanned"):
        scanned(door, "exec dbo.report 1")
    lazy = scanned(door, hundred)
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="missing"):
        lazy.filter(pl.col("missing") == 1).collect()
    door.execute(f"DROP TABLE {door.quoted(hundred)}")
    for engine in ("in-memory", "streaming"):
        with pytest.raises(LoadError):
            lazy.collect(engine=engine)


class Typed(dy.Schema):
    """Types that no engine gives by itself."""

    n = dy.Int16()
    s = dy.Enum(["a", "A", "b"], nullable=True)


def test_a_contract_gives_the_types(door: Door, hundred: str) -> None:
    lazy = scanned(door, hundred, contract=Typed)
    schema = {"n": pl.Int16(), "s": pl.Enum(["a", "A", "b"]), "pad": pl.String()}
    assert lazy.collect_schema() == schema
    for wanted in (pl.col("s") == "a", pl.col("s") > "a", pl.col("n") < 40, pl.col("s").is_null()):
        found = lazy.filter(wanted).collect(engine="streaming").sort("n")
        assert found.schema == schema
        everything = door.read(hundred, contract=Typed)
        assert found.equals(everything.filter(wanted).sort("n"), null_equal=True)


def test_long_lists_and_deep_filters_stay_within_what_a_statement_takes(
    door: Door, hundred: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazy = scanned(door, hundred)
    sent = Sent(door, monkeypatch)
    many = list(range(50, 5_000))
    assert lazy.filter(pl.col("n").is_in(many)).collect().height == 50
    assert len(sent.values[-1]) == 2
    assert lazy.filter(~pl.col("n").is_in(many)).collect().height == 50
    texts = [f"t{n}" for n in many] + ["b"]
    assert lazy.filter(pl.col("s").is_in(texts)).collect().height == 25
    deep = pl.any_horizontal([pl.col("n") == n for n in range(2_000)])
    assert lazy.filter(deep).collect().height == 100
    chain = pl.col("n") == -1
    for n in range(300):
        chain = chain | (pl.col("n") == n)
    assert lazy.filter(chain).collect().height == 100
