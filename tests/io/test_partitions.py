"""Reading in ranges of a column gives what reading at once gives, whatever the values are."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.errors import ContractError, LoadError
from etl.io import db_helper as db
from etl.io import partitions as module
from etl.io.partitions import cuts
from tests.databases import Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
# name -> dtype, values: each kind that ranges can be cut of. A name that no text may mangle.
KEYS: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "small": (pl.Int16(), st.integers(-(2**15), 2**15 - 1)),
    "n? %s": (pl.Int64(), st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))),
    "price": (
        pl.Decimal(12, 2),
        st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: Decimal(n).scaleb(-2)),
    ),
    "day": (pl.Date(), st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))),
    "at": (pl.Datetime("us"), st.datetimes()),
    "utc": (pl.Datetime("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(0, 12))
    columns = [pl.Series("row", range(height), dtype=pl.Int64)]
    for name, (dtype, values) in KEYS.items():
        # Few values, so that ranges are skewed, empty, or one value is all there is.
        some = draw(st.lists(values, min_size=1, max_size=4))
        cells = draw(st.lists(st.sampled_from([None, *some]), min_size=height, max_size=height))
        columns.append(pl.Series(name, cells, dtype=dtype))
    return pl.DataFrame(columns)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frame=frames(),
    on=st.sampled_from(list(KEYS)),
    partitions=st.one_of(st.integers(1, 5), st.just(40)),
)
def test_it_is_the_plain_read(door: Door, frame: pl.DataFrame, on: str, partitions: int) -> None:
    table = door.create_like({"row": (pl.Int64(), None), **KEYS})
    door.write(frame, table, mode="replace", allow_empty=True)
    plain = door.read(table)
    found = door.read(table, partition_on=on, partitions=partitions)
    assert found.schema == plain.schema
    assert found.sort("row").equals(plain.sort("row"))
    assert plain.sort("row").equals(frame)
    # The ranges come in order, and the nulls after them.
    at = cuts(frame[on].min(), frame[on].max(), partitions) if frame[on].max() is not None else []
    places = [
        len(at) + 1 if value is None else sum(value >= cut for cut in at) for value in found[on]
    ]
    assert places == sorted(places)


BOUNDS = st.one_of(
    st.tuples(st.integers(), st.integers()),
    st.tuples(st.dates(), st.dates()),
    st.tuples(st.datetimes(), st.datetimes()),
    st.tuples(
        st.decimals(allow_nan=False, allow_infinity=False, places=3),
        st.decimals(allow_nan=False, allow_infinity=False, places=9),
    ),
)


@given(BOUNDS, st.integers(1, 50))
def test_cuts_lie_within_and_rise(bounds: tuple[Any, Any], partitions: int) -> None:
    low, high = sorted(bounds)
    at = cuts(low, high, partitions)
    assert len(at) < partitions
    assert at == sorted(set(at))
    assert all(low < cut <= high for cut in at)
    if low < high and partitions > 1:
        assert at


ROWS = pl.DataFrame(
    {"id": [1, 2, 3, 4, 100, None], "note": ["a", "50%", "%s", "?", None, "f"], "half": [0.5] * 6}
)


@pytest.fixture
def table(door: Door) -> str:
    name = door.table()
    door.write(ROWS, name)
    return name


@pytest.mark.parametrize(
    ("condition", "params"),
    [
        ("note like '%0%' or id > 2 -- '%' of a comment", None),
        ("note like '%0%' or id > :low", {"low": 2}),
        ("note <> '?' and id > ?;", [1]),
        ("1 = 0", None),
        ("id in :some", {"some": [1, 100]}),
    ],
)
def test_a_query_keeps_its_text_and_its_params(
    door: Door, table: str, condition: str, params: Any
) -> None:
    if door.engine.startswith("mssql") and condition.endswith(";"):
        condition = condition[:-1]
    query = f"select id, note from {door.quoted(table)} where {condition}"
    plain = door.read(query, params=params)
    found = door.read(query, params=params, partition_on="id", partitions=3)
    assert found.schema == plain.schema
    assert found.sort("id", "note").equals(plain.sort("id", "note"))


def test_a_column_of_an_expression(door: Door, table: str) -> None:
    # The column that is null in a whole range has no type there on SQLite.
    query = (
        f"select id * 10 as ten, case when id < 50 then null else id end as late "
        f"from {door.quoted(table)}"
    )
    plain = door.read(query)
    found = door.read(query, partition_on="ten", partitions=4)
    assert found.schema == plain.schema
    assert found.sort("ten").equals(plain.sort("ten"))


def test_the_other_options_hold(door: Door, table: str) -> None:
    found = door.read(table, partition_on="id", partitions=2, backend="pandas")
    assert sorted(found["id"].dropna()) == [1, 2, 3, 4, 100]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partition_on": "note"}, "'note' holds String; ranges can be cut of integers"),
        ({"partition_on": "half"}, "'half' holds Float64"),
        ({"partition_on": "idd"}, r"no column 'idd' \(did you mean 'id'\?\)"),
        ({"partition_on": "id", "partitions": 0}, "at least 1, not 0"),
        ({"partition_on": "id", "batch_rows": 10}, "leave out batch_rows"),
    ],
)
def test_what_cant_be_is_refused(door: Door, table: str, options: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        door.read(table, **options)


def test_a_procedure_is_refused(door: Door) -> None:
    with pytest.raises(ContractError, match="a procedure can't be read in partitions"):
        door.read("exec dbo.report", partition_on="id")


def test_an_error_of_one_range_is_the_errors(door: Door, table: str) -> None:
    divided = {
        "sqlite": "abs(-9223372036854775808 + (id - 100))",  # integer overflow where id is 100
        "duckdb": "cast(case when id = 100 then 'x' else '1' end as int)",
    }.get(door.engine, "1 / (id - 100)")
    with pytest.raises(LoadError):
        door.read(
            f"select id, {divided} as d from {door.quoted(table)}", partition_on="id", partitions=3
        )


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Door]:
    door = Door("postgresql", settings_of("postgresql", tmp_path))
    yield door
    door.drop_tables()


@pytest.mark.parametrize("exact", [True, False], ids=["by Arrow", "by cursor"])
def test_all_ranges_see_one_snapshot(
    postgres: Door, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer moves every row to the next range once the first one was read."""
    table = postgres.table()
    postgres.write(pl.DataFrame({"id": range(100)}), table)
    kind = "" if exact else ", array[1] as many"  # a type that does not travel by Arrow
    query = f"select id{kind} from {postgres.quoted(table)}"
    begun: list[str] = []
    lock = threading.Lock()

    def side_by_side(read: Any, queries: Any) -> Any:
        def watched(sql: str, values: Any) -> Any:
            with lock:
                if len(begun) == 1:  # after one range was read, and before the others are
                    postgres.execute(f"update {postgres.quoted(table)} set id = id + 25")
                begun.append(sql)
                return read(sql, values)

        return original(watched, queries)

    original = module._side_by_side
    monkeypatch.setattr(module, "_side_by_side", side_by_side)
    found = postgres.read(query, partition_on="id", partitions=4)
    assert len(begun) == 5
    assert found["id"].sort().to_list() == list(range(100))


def test_ranges_are_read_at_once_by_connections_of_their_own(
    postgres: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = postgres.table()
    postgres.write(pl.DataFrame({"id": [1, 2, None]}), table)
    together = threading.Barrier(3, timeout=60)  # broken, unless all three are under way

    def side_by_side(read: Any, queries: Any) -> Any:
        def watched(sql: str, values: Any) -> Any:
            together.wait()
            frames = read(sql, values)
            together.wait()
            return frames

        return original(watched, queries)

    original = module._side_by_side
    monkeypatch.setattr(module, "_side_by_side", side_by_side)
    query = f"select id, pg_backend_pid() as pid from {postgres.quoted(table)}"
    found = postgres.read(query, partition_on="id", partitions=2)
    assert found["id"].to_list() == [1, 2, None]
    assert found["pid"].n_unique() == 3


def test_sql_servers_own_limits() -> None:
    database = db._database("mssql://etl:pw@db.example/sales")
    with pytest.raises(ContractError, match="no WITH within another query"):
        module._Wrapped(database, "/* a */ with x as (select 1 as id) select * from x", None)
