"""The boundary of transforms: what comes in, what goes back, what is refused."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from etl.contracts.board_planning import BoardPlanning
from etl.errors import ContractError
from etl.testing import ENGINES, Engine
from etl.transforms.portable import on_any_engine, typed, utc_dates

if TYPE_CHECKING:
    from etl.transforms.portable import Lazy

UTC = dt.UTC
FRAME = pl.DataFrame(
    {
        "id": [2**53 + 1, None],
        "count": [1, 2],
        "flag": [True, None],
        "sure": [True, False],
        "text": ["棉衫 👕", None],
        "day": [dt.date(2024, 2, 29), None],
        "at": [dt.datetime(2024, 3, 10, 23, 30, tzinfo=UTC), None],
        "clock": [dt.time(8, 30), None],
        "share": [0.1, None],
    },
    schema_overrides={"at": pl.Datetime("us", "UTC")},
)


def unchanged(frame: Lazy) -> Lazy:
    return frame


def test_a_frame_comes_back_as_what_it_was(engine: Engine) -> None:
    native = engine.make(FRAME)
    back = on_any_engine(unchanged, native)
    assert type(back) is type(native)
    if engine.keeps_types:
        assert engine.read(back).equals(FRAME)


def test_several_frames_come_back_by_name(engine: Engine) -> None:
    def halves(frame: Lazy) -> dict[str, Lazy]:
        known = ~nw.col("id").is_null()
        return {"known": frame.filter(known), "unknown": frame.filter(~known)}

    native = engine.make(FRAME)
    parts = on_any_engine(halves, native)
    assert {name: type(part) for name, part in parts.items()} == {
        "known": type(native),
        "unknown": type(native),
    }
    assert [engine.read(parts[name])["text"].to_list() for name in parts] == [["棉衫 👕"], [None]]


def test_inside_every_frame_is_lazy(engine: Engine) -> None:
    seen: list[str] = []

    def look(frame: Lazy) -> Lazy:
        seen.append(type(frame).__name__)
        return frame

    on_any_engine(look, engine.make(FRAME))
    assert seen == ["LazyFrame"]


def test_a_lazy_frame_is_not_computed() -> None:
    def fail(frame: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("computed")

    lazy = FRAME.lazy().map_batches(fail)
    result = on_any_engine(lambda frame: frame.select("id"), lazy)
    with pytest.raises(AssertionError, match="computed"):
        result.collect()


def test_pandas_callers_get_the_dtypes_they_use() -> None:
    numpy = on_any_engine(unchanged, FRAME.with_columns(id=1).to_arrow().to_pandas())
    assert not any(isinstance(dtype, pd.ArrowDtype) for dtype in numpy.dtypes)
    arrow = on_any_engine(unchanged, ENGINES["pandas-arrow"].make(FRAME))
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in arrow.dtypes)


def test_plain_pandas_comes_back_as_the_guide_says() -> None:
    plain = pd.DataFrame(
        {
            "word": ["é", "🎉"],
            "thing": pd.Series(["a", None], dtype=object),
            "count": [1, 2**53 + 1],
            "share": [0.5, float("nan")],
            "flag": [True, False],
            "day": [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
            "seconds": pd.Series(["2026-03-01", None], dtype="datetime64[s]"),
            "micros": pd.Series(
                [dt.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)] * 2,
                dtype="datetime64[us, Europe/Berlin]",
            ),
        }
    )
    back = on_any_engine(unchanged, plain)
    assert {name: str(dtype) for name, dtype in back.dtypes.items()} == {
        "word": "str", "thing": "str", "count": "int64", "share": "float64", "flag": "bool",
        "day": "object", "seconds": "datetime64[s]", "micros": "datetime64[us, Europe/Berlin]",
    }  # fmt: skip
    for name in set(back.columns) - {"thing"}:
        pd.testing.assert_series_equal(back[name], plain[name])
    assert back["thing"].isna().tolist() == [False, True]


def test_whole_numbers_with_gaps_stay_exact_for_numpy() -> None:
    frame = pd.DataFrame({"key": ["a", "b"], "id": [2**53 + 1, 2**53 + 3]})
    back = on_any_engine(
        lambda rows: rows.with_columns(nw.when(nw.col("key") == "a").then("id")), frame
    )
    assert str(back["id"].dtype) == "Int64"
    assert back["id"].tolist()[0] == 2**53 + 1
    flags = pd.DataFrame({"flag": pd.Series([True, None], dtype=object)})
    assert str(on_any_engine(unchanged, flags)["flag"].dtype) == "boolean"
    small = pd.DataFrame({"n": pd.Series([1, None], dtype="UInt8")})
    assert str(on_any_engine(unchanged, small)["n"].dtype) == "UInt8"


def test_a_join_of_no_rows_keeps_the_type_of_its_key() -> None:
    left = pl.DataFrame(schema={"key": pl.String}).to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
    right = left.astype(pd.ArrowDtype(pa.string()))
    joined = on_any_engine(lambda a, b: a.join(b, on="key", how="left"), left, right)
    assert joined["key"].dtype == pd.ArrowDtype(pa.large_string())


def test_a_pandas_index_is_ignored_and_the_frame_left_alone() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    copy = frame.copy(deep=True)
    back = on_any_engine(lambda rows: rows.with_columns(a=nw.col("a") + 1), frame)
    assert back["a"].tolist() == [2, 3]
    assert back.index.tolist() == [0, 1]
    pd.testing.assert_frame_equal(frame, copy)


@pytest.mark.parametrize("junk", [None, [1, 2], {"a": [1]}, "table", pl.Series([1])])
def test_what_is_no_frame_is_refused(junk: Any) -> None:
    with pytest.raises(ContractError, match="can't run a transform on a"):
        on_any_engine(unchanged, junk)


def test_pandas_frames_without_plain_types_are_refused() -> None:
    mixed = pd.DataFrame({"fine": [1, 2], "mixed": [1, "x"]})
    with pytest.raises(ContractError, match="column mixed"):
        on_any_engine(unchanged, mixed)
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ContractError, match="Duplicate column names"):
        on_any_engine(unchanged, twice)


def test_frames_of_two_engines_are_refused() -> None:
    def first(left: Lazy, right: Lazy) -> Lazy:
        return left

    with pytest.raises(ContractError, match="polars, pyarrow"):
        on_any_engine(first, FRAME, pa.table({"a": [1]}))
    # Lazy and eager, numpy and Arrow are one engine.
    on_any_engine(first, FRAME, FRAME.lazy())


def test_a_window_over_a_table_of_many_chunks_is_right() -> None:
    def with_sums(frame: Lazy) -> Lazy:
        return frame.with_columns(total=nw.col("n").sum().over("key"))

    chunks = [pa.table({"key": [f"k{at}", f"k{at + 1}"], "n": [at, 1]}) for at in range(6)]
    expected = {"k0": 0, "k6": 1} | {f"k{at}": at + 1 for at in range(1, 6)}
    for _ in range(50):  # it went wrong in one of three
        rows = on_any_engine(with_sums, pa.concat_tables(chunks)).to_pylist()
        assert [row["total"] for row in rows] == [expected[row["key"]] for row in rows]


@pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
def test_a_table_keeps_its_type_of_text(text: pa.DataType) -> None:
    table = pa.table({"a": pa.array(["x", None], text), "b": [1, 2]})
    known = on_any_engine(lambda frame: frame.with_columns(c=nw.lit("y")), table)
    assert known.schema.types == [text, pa.int64(), text]


def test_columns_without_a_type_get_the_contracts(engine: Engine) -> None:
    nothing = pl.DataFrame({name: [None] for name in pl.Schema(BoardPlanning)})
    rows = engine.read(
        on_any_engine(lambda frame: typed(frame, BoardPlanning), engine.make(nothing))
    )
    if engine.keeps_types:
        assert rows.schema == pl.Schema(BoardPlanning)
    assert rows.null_count().sum_horizontal().item() == rows.width


def test_dates_are_those_in_utc_whatever_the_zone(engine: Engine) -> None:
    moments = [
        dt.datetime(2024, 3, 10, 23, 30, tzinfo=UTC),
        None,
        dt.datetime(2024, 11, 4, tzinfo=UTC),
    ]
    frame = pl.DataFrame(
        {"odd \"name'": moments, "naive": [dt.datetime(2024, 1, 1, 23, 59)] * 3},  # noqa: DTZ001
        schema_overrides={"odd \"name'": pl.Datetime("us", "UTC")},
    )
    rows = engine.read(
        on_any_engine(lambda rows: utc_dates(rows, frame.columns), engine.make(frame))
    )
    assert rows.rows() == [
        (dt.date(2024, 3, 10), dt.date(2024, 1, 1)),
        (None, dt.date(2024, 1, 1)),
        (dt.date(2024, 11, 4), dt.date(2024, 1, 1)),
    ]


def test_an_engine_that_is_not_used_is_not_imported() -> None:
    script = (
        "import sys, polars as pl\n"
        "from etl.transforms.portable import on_any_engine\n"
        "on_any_engine(lambda frame: frame, pl.DataFrame({'a': [1]}))\n"
        "print(sorted({'pandas', 'duckdb', 'pyspark', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
