"""``etl.testing``: frames that keep their contracts, whatever they ask for."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import pkgutil
import subprocess
import sys
from decimal import Decimal

import dataframely as dy
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import etl.contracts
from etl.contracts.board_planning import BoardPlanning
from etl.contracts.check import split
from etl.contracts.order_staging import STATES, OrderStaging
from etl.contracts.orders_unified import with_sizes
from etl.contracts.text import Text
from etl.errors import ContractError
from etl.jobs import get_job, job_names
from etl.testing import NULL_WORDS, frames


def contracts() -> dict[str, type[dy.Schema]]:
    """Those of the package's modules, and whatever else a job's tables have."""
    found: dict[str, type[dy.Schema]] = {"orders with sizes": with_sizes(["S", " m"])}
    for info in pkgutil.iter_modules(etl.contracts.__path__, "etl.contracts."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if inspect.isclass(value) and issubclass(value, dy.Schema) and not name.startswith("_"):
                found[value.__name__] = value
    for name in job_names():
        tables = [table for step in get_job(name).steps for table in step.tables.values()]
        found |= {table.contract.__name__: table.contract for table in tables}
    return {name: contract for name, contract in found.items() if contract.columns()}


CONTRACTS = contracts()
few = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


class Odd(dy.Schema):
    """A bound of every kind."""

    key = Text(primary_key=True, min_length=2, max_length=5)
    part = dy.Int8(primary_key=True, min_exclusive=3)
    code = dy.String(regex=r"^[A-Z]{2}-\d+$")
    short = dy.String(nullable=True, max_length=3)
    word = dy.Enum(["S", "M"])
    one_of = dy.Int64(is_in=[3, 5, 8])
    far = dy.Int64(min=2**60)
    below = dy.Float64(max_exclusive=-4.5)
    share = dy.Float32(min=0.0, max=1.0)
    price = dy.Decimal(6, 2, min=Decimal("-1.50"), max_exclusive=Decimal(3))
    month = dy.Date(resolution="1mo", min=dt.date(2020, 1, 1))
    until = dy.Datetime(time_zone="UTC", time_unit="ms", max=dt.datetime(1990, 1, 1, tzinfo=dt.UTC))
    nano = dy.Datetime(time_unit="ns", nullable=True)
    clock = dy.Time(nullable=True)
    raw = dy.Binary()
    took = dy.Duration()
    once = dy.Int64(unique=True)
    even = dy.Int64(check=lambda column: column % 2 == 0, min=0, max=40)

    @dy.rule()
    def short_is_the_word(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
        """Where it is told."""
        return cls.short.col.is_in(["S", "XL"]) | cls.short.col.is_null()


@pytest.mark.parametrize("name", [*CONTRACTS, "Odd"])
@few
@given(data=st.data())
def test_frames_keep_their_contract(name: str, data: st.DataObject) -> None:
    contract = CONTRACTS.get(name, Odd)
    rows = data.draw(frames(contract, max_size=3))
    assert rows.schema == pl.Schema(contract)
    assert rows.height <= 3
    assert contract.is_valid(rows)
    assert split(rows, contract).rejected.is_empty()


def test_there_are_rows_of_every_kind() -> None:
    states: set[str] = set()
    heights: set[int] = set()

    @settings(max_examples=40, derandomize=True, database=None)
    @given(rows=frames(OrderStaging))
    def look(rows: pl.DataFrame) -> None:
        heights.add(rows.height)
        states.update(rows["status"])
        for name in ("po_number", "received_date", "unit_price"):
            states.update(f"{name} null" for _ in range(rows[name].null_count()))
        written = "".join(rows["customer"])
        states.update({"emoji"} if "👕" in written else set())
        states.update({"line break"} if "\n" in written else set())
        states.update({"word for null"} if set(rows["customer"]) & {*NULL_WORDS} else set())

    look()
    assert heights == set(range(6))
    assert states > {*STATES, "po_number null", "received_date null", "emoji", "line break"}
    assert "word for null" in states


@few
@given(rows=frames(BoardPlanning, rules=False, max_size=3))
def test_without_rules_the_types_are_the_contracts_alone(rows: pl.DataFrame) -> None:
    assert rows.schema == pl.Schema(BoardPlanning)
    checked = split(rows, BoardPlanning)
    assert checked.good.height + checked.rejected.height == rows.height


@few
@given(rows=frames(Odd, min_size=2, values={"key": st.sampled_from(["aa", "bb"])}))
def test_values_of_ones_own_meet_and_still_keep_the_contract(rows: pl.DataFrame) -> None:
    assert rows.height >= 2
    assert set(rows["key"]) <= {"aa", "bb"}
    assert Odd.is_valid(rows)


def test_what_can_not_be_made_is_said() -> None:
    class Never(dy.Schema):
        a = dy.Int64(min=1)
        b = dy.Int64()

        @dy.rule()
        def hidden(cls) -> pl.Expr:  # noqa: N805
            return (cls.a.col.hash() % 10_007 == 1) & (cls.b.col.hash() % 10_007 == 2)

    class Nested(dy.Schema):
        names = dy.List(dy.String())

    with pytest.raises(ContractError, match="no values found that keep Never's hidden; give some for a, b"):  # fmt: skip
        frames(Never)
    with pytest.raises(ContractError, match="names: no values are made for a column of List"):
        frames(Nested)
    with pytest.raises(ContractError, match="frames: Nested has no column name; it has names"):
        frames(Nested, values={"name": st.none()})


def test_without_hypothesis_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import etl, etl.cli\n"
        "assert 'etl.testing' not in sys.modules\n"
        "from etl.testing import assert_engine_parity, ENGINES\n"
        "from etl.errors import ConfigError\n"
        "try: from etl.testing import frames\n"
        "except ConfigError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == (
        "etl.testing.frames needs Hypothesis: pip install 'data-orchestration[testing]'"
    ), done.stderr
