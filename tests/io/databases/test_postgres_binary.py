"""PostgreSQL's binary COPY: what it brings is what CSV brings, and what the server would send."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from etl.errors import LoadError
from etl.io.databases import postgres_binary, postgres_load
from etl.io.names import parse_table_name
from tests.io.test_round_trip import KINDS, decimals, expected, frames

if TYPE_CHECKING:
    from tests.databases import Door

pytestmark = pytest.mark.parametrize("door", ["postgresql"], indirect=True)

# What is stored as an interval, or in more digits than 64 bits hold, goes as CSV.
BINARY = {name: kind for name, kind in KINDS.items() if name not in {"u64", "lasting"}}
ALONE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def binary_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(frame: pl.DataFrame) -> bytes:
        raise AssertionError(f"as CSV: {frame.schema}")

    monkeypatch.setattr(postgres_load, "_BINARY_ROWS", 1)
    monkeypatch.setattr(postgres_load, "_csv", refused)
    monkeypatch.setattr(postgres_load, "_COPY_ROWS", 4)
    monkeypatch.setattr(postgres_binary, "_PLAIN_ROWS", 6)


def sent(door: Door, sql: str) -> bytes:
    """What the server sends of a query as binary COPY."""
    with (
        door.database.begin() as connection,
        connection.connection.driver_connection.cursor() as cursor,  # type: ignore[union-attr]
        cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT binary)") as copy,
    ):
        return b"".join(map(bytes, copy))


@pytest.mark.usefixtures("binary_only")
@ALONE
@given(frame=frames(BINARY))
def test_every_type_comes_back_as_it_went_in(door: Door, frame: pl.DataFrame) -> None:
    table = door.create_like(BINARY)
    assert door.write(frame, table, mode="replace").loader == "copy"
    back = door.read(table)
    assert back.equals(expected(frame, door.dialect), null_equal=True)


@ALONE
@given(frame=frames(BINARY))
def test_the_bytes_are_those_that_the_server_sends(door: Door, frame: pl.DataFrame) -> None:
    # But for decimals, where the server leaves out zeros at both ends.
    frame = frame.drop("money", "fine")
    table = door.create_like({name: BINARY[name] for name in frame.columns})
    door.write(frame, table, mode="replace")
    with door.database.begin() as connection:
        name = door.database.resolve(connection, parse_table_name(table))
        columns = door.database.columns(connection, name)
    assert columns is not None
    stored = door.read(table)
    types = [column.type for column in columns]
    assert all(map(postgres_binary.takes, types, stored.dtypes))
    made = b"".join(postgres_binary.rows(stored, types, at_once=3))
    whole = postgres_binary.START + made + postgres_binary.END
    assert whole == sent(door, f"SELECT * FROM {door.quoted(table)}")


@pytest.mark.usefixtures("binary_only")
@ALONE
@given(data=st.data(), precision=st.integers(1, 18))
@example(data=None, precision=18)
def test_decimals_of_every_scale(door: Door, data: Any, precision: int) -> None:
    if data is None:
        scale, top = 9, 10**18 - 1
        numbers = [Decimal(n).scaleb(-9) for n in (top, -top, 0, 1, -1, 10**9, 10**13, 5 * 10**8)]
    else:
        scale = data.draw(st.integers(0, precision))
        numbers = data.draw(st.lists(st.none() | decimals(precision, scale), min_size=1))
    frame = pl.DataFrame({"n": numbers}, schema={"n": pl.Decimal(precision, scale)})
    table = door.create(f"n numeric({precision}, {scale})")
    try:
        door.write(frame, table, mode="replace")
        assert door.read(table).equals(frame, null_equal=True)
        # As a number of its own: not one that only looks like it.
        sql = f"SELECT count(*) AS same FROM {door.quoted(table)} WHERE n = n::text::numeric"
        assert door.read(sql).item() == frame.height - frame["n"].null_count()
    finally:
        door.execute(f"DROP TABLE {door.quoted(table)}")


@pytest.mark.usefixtures("binary_only")
def test_a_value_that_the_table_refuses_rolls_all_back(door: Door) -> None:
    table = door.create("id integer primary key, n integer check (n > 0)")
    door.write(pl.DataFrame({"id": [1], "n": [1]}), table)
    with pytest.raises(LoadError, match="check constraint"):
        door.write(pl.DataFrame({"id": range(9), "n": [1] * 8 + [0]}), table, mode="replace")
    assert door.read(table).rows() == [(1, 1)]


def test_small_frames_and_other_types_go_as_csv(door: Door) -> None:
    frame = pl.DataFrame({"id": range(3)})
    form = postgres_load._form
    assert form(frame, ["int8"])[0] == "csv"
    large = pl.select(id=pl.int_range(postgres_load._BINARY_ROWS))
    assert form(large, ["int8"])[0] == "binary"
    assert form(large.cast(pl.String), ["inet"])[0] == "csv"
    assert form(large.cast(pl.Decimal(20, 0)), ["numeric"])[0] == "csv"


@pytest.mark.usefixtures("binary_only")
def test_domains_padded_text_and_json(door: Door) -> None:
    domain = f"price_{uuid.uuid4().hex}"
    door.execute(f"CREATE DOMAIN {domain} AS numeric(9, 2) CHECK (value >= 0)")
    try:
        table = door.create(f"price {domain}, code char(4), size char, data json")
        frame = pl.DataFrame(
            {
                "price": [Decimal("1.50"), None],
                "code": ["é", None],
                "size": ["M", "🎉"],
                "data": ['{"a": 1}', "null"],
            },
            schema_overrides={"price": pl.Decimal(9, 2)},
        )
        door.write(frame, table, mode="replace")
        assert door.read(table).rows() == [
            (Decimal("1.50"), "é   ", "M", '{"a": 1}'),
            (None, None, "🎉", "null"),
        ]
        below = frame.with_columns(price=pl.lit(Decimal("-1.00")).cast(pl.Decimal(9, 2)))
        with pytest.raises(LoadError, match="check constraint"):
            door.write(below, table, mode="replace")
        broken = frame.with_columns(data=pl.lit("{"))
        with pytest.raises(LoadError, match="json"):
            door.write(broken, table, mode="replace")
        assert door.read(table).height == 2
    finally:
        door.drop_tables()
        door.execute(f"DROP DOMAIN {domain}")
