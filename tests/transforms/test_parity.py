"""Every transform means the same on every engine: none is left out, and one function takes them all."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from etl.contracts.customers import CustomerNames
from etl.contracts.keys import name_key
from etl.errors import ConfigError
from etl.testing import ENGINES, Engine, assert_conserves, assert_engine_parity, hand_over
from etl.transforms.customers import canonical_customers
from etl.transforms.portable import on_any_engine
from tests.parity import compared, of_jobs, of_package, parity

ROWS = pl.DataFrame(
    {"customer": [" ＮＯＲＴＨＷＩＮＤ", "North", "zoë", None], "qty": [3, 1, None, 5]}
)
NAMES = pl.DataFrame(
    [(name_key(name), customer, "style") for name, customer in {"northwind": "Northwind", "Zoë": "Zoë"}.items()],
    schema=pl.Schema(CustomerNames),
    orient="row",
)  # fmt: skip


def test_no_transform_is_without_a_test_on_every_engine() -> None:
    used, known = of_jobs(), of_package()
    assert len(used) > 10
    assert used <= known, (
        f"these do not say what they return as other transforms do: {used - known}"
    )
    forgotten = sorted(known - compared())
    assert not forgotten, (
        f"no test compares {', '.join(forgotten)} on every engine: mark one that takes an engine "
        "with @parity(...) of tests.parity, and call etl.testing.assert_engine_parity in it"
    )


@parity(canonical_customers)
def test_the_same_function_takes_a_frame_of_pandas_of_polars_and_of_spark(engine: Engine) -> None:
    assert_engine_parity(canonical_customers, ROWS, NAMES, engines=[engine])
    given = hand_over(engine, ROWS, NAMES)
    found = canonical_customers(*given)
    assert type(found) is type(given[0])
    kept = {"pandas-numpy": pd.DataFrame, "polars": pl.DataFrame, "polars-lazy": pl.LazyFrame}
    assert isinstance(found, kept.get(engine.name, object))
    if engine.name == "pyspark":
        from pyspark.sql import DataFrame

        assert isinstance(found, DataFrame)
        assert {row["canonical_customer"] for row in found.collect()} == {"Northwind", "Zoë", None}


def off_on(name: str) -> Any:
    """A transform that is right but on one engine."""

    def transform(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        more = 1 if str(rows.implementation) == name else 0
        return rows.with_columns(nw.col("qty") + more)

    def odd(rows: Any) -> Any:
        return on_any_engine(transform, rows)

    return odd


def test_an_engine_that_gives_something_else_is_named() -> None:
    quick = ["polars-lazy", "pandas-numpy", "pyarrow", "duckdb"]
    assert_engine_parity(off_on("no engine"), ROWS, engines=quick)
    with pytest.raises(AssertionError, match="odd on duckdb: DataFrames are different"):
        assert_engine_parity(off_on("duckdb"), ROWS, engines=quick)
    with pytest.raises(ConfigError, match="no engine duck; choose from pandas-numpy, "):
        assert_engine_parity(off_on("duckdb"), ROWS, engines=["duck"])


def test_types_and_order_are_compared_where_they_are_promised() -> None:
    def typed(rows: Any) -> Any:
        narrow = "int32" if isinstance(rows, pd.DataFrame) else None
        return rows if narrow is None else rows.assign(qty=rows["qty"].astype("int32[pyarrow]"))

    assert_engine_parity(typed, ROWS, engines=["pandas-numpy"])
    with pytest.raises(AssertionError, match=r"typed on pandas-arrow: .*dtypes do not match"):
        assert_engine_parity(typed, ROWS, engines=["pandas-arrow"])

    def turned(rows: Any) -> Any:
        return rows.iloc[::-1].reset_index(drop=True) if isinstance(rows, pd.DataFrame) else rows

    assert_engine_parity(turned, ROWS, engines=["pandas-arrow"])
    with pytest.raises(AssertionError, match="turned on pandas-arrow"):
        assert_engine_parity(turned, ROWS, engines=["pandas-arrow"], in_order=True)


def test_a_transform_that_changes_its_input_is_told() -> None:
    def spoils(rows: Any) -> Any:
        if isinstance(rows, pd.DataFrame):
            before = rows.copy()
            rows["qty"] = 0
            return before
        return rows

    with pytest.raises(AssertionError, match="spoils on pandas-arrow: it has changed its input"):
        assert_engine_parity(spoils, ROWS, engines=["pandas-arrow"])


def test_what_is_lost_is_told() -> None:
    assert_conserves(lambda rows: {"a": rows[:2], "b": rows[2:]}, ROWS, columns="qty")
    with pytest.raises(AssertionError, match="<lambda>: qty adds up to 9 before and to 4 after"):
        assert_conserves(lambda rows: rows[:2], ROWS, columns=["qty"])
    with pytest.raises(AssertionError, match="no frame has a column amount"):
        assert_conserves(lambda rows: rows, ROWS, columns="amount")


def test_there_are_seven_engines() -> None:
    assert len(ENGINES) == 7
