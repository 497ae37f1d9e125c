"""A contract as source text says what its columns say, whatever a source's columns are called."""

from __future__ import annotations

import ast
import subprocess
import sys
from types import MappingProxyType
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.contracts.describe import ContractColumn, describe
from etl.contracts.text import Text
from etl.errors import ConfigError, ContractError
from etl.io.databases.columns import Column
from etl.io.monday.boards import Board, BoardColumn
from etl.io.monday.column_types import COLUMN_TYPES
from etl.io.monday.mapping import contract_columns
from etl.io.proposals import board_proposal, table_proposal
from etl.scaffold import job_names_of
from etl.scaffold._contract import attributes, column_line
from etl.testing import texts

DTYPES = [
    pl.Int8(), pl.Int64(), pl.UInt16(), pl.Float32(), pl.Float64(), pl.Boolean(), pl.String(),
    pl.Binary(), pl.Date(), pl.Time(), pl.Datetime("us"), pl.Datetime("us", "UTC"),
    pl.Datetime("ns"), pl.Duration("us"), pl.Decimal(12, 2), pl.Decimal(38, 0),
]  # fmt: skip
WORDS = ["class", "filter", "columns", "validate", "Order No.", "orderNo", "order_no", "2nd", "颜色", "a'b", 'a"b', "\\", "lambda", "__init__", "_x"]  # fmt: skip
NAMES = st.one_of(st.sampled_from(WORDS), texts(30)).filter(
    lambda name: bool(name) and name != "primary_key" and "|" not in name
)


@st.composite
def live_columns(draw: st.DrawFn) -> list[Column]:
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique_by=str.casefold))
    found = []
    for name in names:
        dtype = draw(st.sampled_from(DTYPES))
        length = draw(st.one_of(st.none(), st.integers(1, 4000)))
        found.append(
            Column(
                name=name,
                type=draw(st.sampled_from(["", "it's ", "double "])) + str(dtype),
                dtype=dtype,
                length=length if dtype == pl.String else None,
                nullable=draw(st.booleans()),
            )
        )
    return found


def contract_of(columns: tuple[ContractColumn, ...]) -> tuple[Any, str]:
    """The contract that the columns' source text makes, and the text."""
    named = attributes(columns)
    lines = "\n".join(column_line(column, named[column.name]) for column in columns)
    source = f"class Made(dy.Schema):\n{lines}\n"
    scope: dict[str, Any] = {"dy": dy, "Text": Text}
    exec(source, scope)  # noqa: S102 - it is what is tested
    return scope["Made"], source


@given(live=live_columns(), keyed=st.booleans())
def test_a_tables_contract_says_what_the_table_is(live: list[Column], keyed: bool) -> None:
    key = [live[0].name] if keyed else []
    proposed = table_proposal(live, key).columns
    made, _ = contract_of(proposed)
    assert describe(made) == proposed
    assert [column.name for column in proposed] == [column.name for column in live]
    assert list(made.primary_key()) == key


@settings(max_examples=10)
@given(live=live_columns())
def test_the_text_is_as_the_formatter_writes_it(live: list[Column]) -> None:
    _, source = contract_of(table_proposal(live, [live[-1].name]).columns)
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--line-length", "100", "-"],
        input=source.encode(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == source


@given(
    columns=st.lists(
        st.builds(
            BoardColumn,
            id=st.one_of(st.sampled_from(["status", "text_mkr7x2", "2", "filter"]), texts(12).filter(bool)),
            title=st.one_of(st.sampled_from(["Status", "status", "No.", "Primary key", ""]), texts()),
            type=st.sampled_from([*COLUMN_TYPES, "name", "hologram"]),
            archived=st.booleans(),
        ),
        unique_by=lambda column: column.id,
        max_size=12,
    )
)  # fmt: skip
def test_any_boards_contract_maps_all_that_can_be_read(columns: list[BoardColumn]) -> None:
    board = Board(id="1", name="any", items_count=0, columns=tuple(columns))
    proposal = board_proposal(board)
    made, _ = contract_of(proposal.columns)
    assert describe(made) == proposal.columns
    wanted, _ = contract_columns(made, board)  # every one is there, with the part that is meant
    mapped = {column.column_id for column in wanted}
    left_out = " ".join(proposal.notes)
    for column in columns:
        none = column.archived or column.type in ("name", "button")
        assert (column.id in mapped) + (column.id in left_out) >= (not none)
        assert not (none and column.id in mapped)
    names = [column.name for column in proposal.columns]
    assert len({name.casefold() for name in names}) == len(names)
    assert names[:5] == ["item_id", "item_name", "group_title", "created_at", "updated_at"]


@pytest.mark.parametrize("names", [["primary_key"], ["Id", "id"]])
def test_a_name_that_no_contract_can_have_is_refused(names: list[str]) -> None:
    columns = [Column(name=name, type="int", dtype=pl.Int32()) for name in names]
    with pytest.raises(ContractError, match="which a contract can't have"):
        table_proposal(columns, [])


def test_a_type_that_no_contract_has_is_named() -> None:
    column = ContractColumn(name="a", dtype=pl.Null(), nullable=True, max_length=None, primary_key=False, metadata=MappingProxyType({}))  # fmt: skip
    with pytest.raises(ContractError, match="column 'a' is of type Null"):
        column_line(column, "a")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("class", "a word of Python's"),
        ("list", "hide a function"),
        ("job", "hide a class"),
        ("monday-items", "hide a class"),
        ("test-orders", "pytest"),
        ("kill", "flow in Kestra"),
        ("con", "Windows"),
        ("a--b", "a-b would do"),
        ("2nd", "begins with a letter"),
        ("", "begins with a letter"),
        ("a" * 51, "50 are the most"),
        ("../x", "x would do"),
        ("demo_job", "demo-job would do"),
    ],
)
def test_a_name_that_no_job_can_have_is_refused(name: str, why: str) -> None:
    with pytest.raises(ConfigError, match="is no name for a job") as raised:
        job_names_of(name)
    assert why in str(raised.value)


@given(name=st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True))
def test_a_name_is_refused_or_makes_identifiers(name: str) -> None:
    try:
        names = job_names_of(name)
    except ConfigError:
        return
    ast.parse(f"class {names.contract}: {names.module} = {names.transform} = 1")
    assert names.module.replace("_", "-") == name
