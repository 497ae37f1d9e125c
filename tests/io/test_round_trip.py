"""read_frame(write_frame(f)) == f, for every type on every engine."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.errors import ContractError

if TYPE_CHECKING:
    from tests.databases import Door

TEXT = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "None",
            "nan",
            "NULL",
            "é",
            "é",
            "🎉",
            "日本語",
            "a\nb",
            "\\N",
            "\\.",
            "'",
            '"x",',
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
)
EDGE_DATES = [dt.date(1, 1, 1), dt.date(1582, 10, 4), dt.date(1900, 2, 28), dt.date(9999, 12, 31)]
MOMENTS = st.one_of(
    st.datetimes(),
    st.sampled_from([dt.datetime.min, dt.datetime.max, dt.datetime(1970, 1, 1)]),  # noqa: DTZ001, DTZ901
)


def integers(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.one_of(st.integers(low, high), st.sampled_from([low, high, 0, 1]))


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    top = 10**precision - 1
    return st.integers(-top, top).map(lambda n: Decimal(n).scaleb(-scale))


# SQL Server's floats begin at the smallest normal one; the test of the small ones is by itself.
FINITE: dict[str, Any] = {
    "allow_nan": False,
    "allow_infinity": False,
    "allow_subnormal": False,
}

# dtype -> values
KINDS: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "i8": (pl.Int8(), integers(8)),
    "i16": (pl.Int16(), integers(16)),
    "i32": (pl.Int32(), integers(32)),
    "i64": (pl.Int64(), integers(64)),
    "u8": (pl.UInt8(), integers(8, signed=False)),
    "u16": (pl.UInt16(), integers(16, signed=False)),
    "u32": (pl.UInt32(), integers(32, signed=False)),
    "u64": (pl.UInt64(), integers(63, signed=False)),
    "f32": (pl.Float32(), st.floats(width=32, **FINITE)),
    "f64": (pl.Float64(), st.floats(**FINITE)),
    "money": (pl.Decimal(12, 2), decimals(12, 2)),
    "fine": (pl.Decimal(15, 6), decimals(15, 6)),
    "flag": (pl.Boolean(), st.booleans()),
    "text": (pl.String(), TEXT),
    "bytes": (pl.Binary(), st.binary(max_size=40)),
    "day": (pl.Date(), st.one_of(st.dates(), st.sampled_from(EDGE_DATES))),
    "moment": (pl.Datetime("us"), MOMENTS),
    "utc": (pl.Datetime("us", "UTC"), MOMENTS.map(lambda m: m.replace(tzinfo=dt.UTC))),
    "time": (pl.Time(), st.times()),
    "lasting": (
        pl.Duration("us"),
        st.timedeltas(dt.timedelta(days=-36500), dt.timedelta(days=36500)),
    ),
    "kind": (pl.Categorical(), TEXT),
}

# The dtype that comes back where it is not the one that went in: the table in docs/types.md.
WIDER: dict[str, dict[str, pl.DataType]] = {
    "sqlite": {},
    "duckdb": {},
    "postgresql": {
        "i8": pl.Int16(),
        "u8": pl.Int16(),
        "u16": pl.Int32(),
        "u32": pl.Int64(),
        "u64": pl.Decimal(20, 0),
    },
    "mssql": {"i8": pl.Int16(), "u16": pl.Int32(), "u32": pl.Int64(), "u64": pl.Decimal(20, 0)},
}
EVERYWHERE = {"lasting": pl.Int64(), "kind": pl.String()}


@st.composite
def frames(
    draw: st.DrawFn, kinds: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = KINDS
) -> pl.DataFrame:
    height = draw(st.integers(1, 8))
    return pl.DataFrame(
        [
            pl.Series(
                name,
                draw(st.lists(st.none() | values, min_size=height, max_size=height)),
                dtype=dtype,
            )
            for name, (dtype, values) in kinds.items()
        ]
    )


def expected(frame: pl.DataFrame, dialect: str) -> pl.DataFrame:
    """The same values in the dtypes that the engine has."""
    wider = EVERYWHERE | WIDER[dialect]
    return frame.with_columns(
        pl.col(name).dt.total_microseconds() if name == "lasting" else pl.col(name).cast(dtype)
        for name, dtype in wider.items()
        if name in frame.columns
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frame=frames())
def test_every_type_comes_back_as_it_went_in(door: Door, frame: pl.DataFrame) -> None:
    table = door.create_like(KINDS)
    door.write(frame, table, mode="replace")
    back = door.read(table)
    wanted = expected(frame, door.dialect)
    assert back.schema == wanted.schema
    for name in wanted.columns:
        assert back[name].equals(wanted[name], null_equal=True), name


@pytest.mark.parametrize("backend", ["pandas", "pyarrow"])
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frame=frames())
def test_the_other_backends_hold_the_same_values(
    door: Door, backend: str, frame: pl.DataFrame
) -> None:
    table = door.create_like(KINDS)
    door.write(frame, table, mode="replace")
    before = door.read(table)
    door.write(door.read(table, backend=backend), table, mode="replace")
    assert door.read(table).equals(before, null_equal=True)


def test_a_column_without_a_value_is_text_and_stays_null(door: Door) -> None:
    table = door.table()
    door.write(pl.DataFrame({"a": [None, None], "b": [1, 2]}), table)
    back = door.read(table)
    assert back.schema == {"a": pl.String(), "b": pl.Int64()}
    assert back["a"].null_count() == 2


def test_wide_decimals_are_exact_or_refused(door: Door) -> None:
    table = door.table()
    value = Decimal("12345678901234567890123456789012345.678")
    frame = pl.DataFrame({"d": pl.Series([value, -value, None], dtype=pl.Decimal(38, 3))})
    if door.dialect == "sqlite":
        with pytest.raises(ContractError, match=r"d: SQLite keeps decimals of up to 15 digits"):
            door.write(frame, table)
    else:
        door.write(frame, table)
        assert door.read(table).equals(frame, null_equal=True)


def test_text_of_every_length(door: Door) -> None:
    table = door.table()
    frame = pl.DataFrame({"n": [1, 2, 3, 4], "s": ["", "x", "🎉" * 3000, "é" * 100_000]})
    door.write(frame, table)
    assert door.read(table).sort("n").equals(frame)


def test_nanoseconds_are_refused_unless_they_may_be_cut(door: Door) -> None:
    table = door.table()
    series = pl.Series("at", [1, 1_000], dtype=pl.Datetime("ns"))
    with pytest.raises(ContractError, match=r"at: 1 value\(s\): .* has more digits of a second"):
        door.write(series.to_frame(), table)
    door.write(series.to_frame(), table, on_precision_loss="truncate")
    assert door.read(table)["at"].dt.microsecond().sort().to_list() == [0, 1]


def test_the_smallest_floats(door: Door) -> None:
    if door.dialect == "mssql":
        return  # learn.microsoft.com/sql/t-sql/data-types/float-and-real-transact-sql
    table = door.table()
    frame = pl.DataFrame({"f": [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]})
    door.write(frame, table)
    assert sorted(door.read(table)["f"]) == sorted(frame["f"])


def test_not_a_number_is_kept_or_refused_but_never_null(door: Door) -> None:
    table = door.table()
    frame = pl.DataFrame({"f": [1.5, float("nan"), None]})
    if door.dialect in {"postgresql", "duckdb"}:
        door.write(frame, table)
        assert door.read(table).equals(frame, null_equal=True)
    else:
        with pytest.raises(ContractError, match=r"f: 1 value\(s\): nan is NaN"):
            door.write(frame, table)
