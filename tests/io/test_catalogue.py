"""What a database says that it holds: tables, keys, and columns that make the same table again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dataframely as dy

from etl.contracts.describe import describe
from etl.contracts.text import Text
from etl.io import db_helper as db
from etl.io.catalogue import primary_key, table_names
from etl.io.drift import table_changes
from etl.io.proposals import table_proposal

if TYPE_CHECKING:
    from tests.databases import Door


class Lines(dy.Schema):
    """A key of two columns that is not in the table's order, and a type of each kind."""

    line = dy.Int32(primary_key=True)
    note = Text(nullable=True, max_length=50)
    order_no = Text(primary_key=True, max_length=20)
    amount = dy.Decimal(9, 2, nullable=True)
    due = dy.Date(nullable=True)
    done = dy.Bool()
    at = dy.Datetime(nullable=True, time_unit="us")
    long = Text(nullable=True)


def test_a_key_is_told_in_its_order_and_a_table_without_one_has_none(door: Door) -> None:
    table, bare = door.table(), door.table()
    db.write_frame(Lines.create_empty(), table, door.settings, contract=Lines)
    db.write_frame(Lines.create_empty(), bare, door.settings)
    assert primary_key(door.settings, table) == ("line", "order_no")
    assert primary_key(door.settings, bare) == ()
    assert primary_key(door.settings, "no_such_table") == ()
    names = table_names(door.settings)
    assert names == sorted(names)
    for made in (table, bare):
        [found] = [name for name in names if name.endswith(made.strip('"'))]
        assert db.table_columns(found, door.settings) == db.table_columns(made, door.settings)


def test_a_name_with_a_dot_or_a_quote_is_quoted(door: Door) -> None:
    table = door.create("a INTEGER", name="odd.na[me")
    [found] = [name for name in table_names(door.settings) if name.endswith(table)]
    assert db.table_columns(found, door.settings) is not None


def test_what_is_proposed_for_a_table_is_the_contract_that_made_it(door: Door) -> None:
    table = door.table()
    db.write_frame(Lines.create_empty(), table, door.settings, contract=Lines)
    live = db.table_columns(table, door.settings)
    assert live is not None
    proposed = table_proposal(live, primary_key(door.settings, table)).columns
    for told, meant in zip(proposed, describe(Lines), strict=True):
        assert (told.name, told.primary_key, told.nullable) == (
            meant.name,
            meant.primary_key,
            meant.nullable,
        )
        assert type(told.dtype) is type(meant.dtype) or told.name in ("line", "done")
        # DuckDB takes a text's length, and does not keep it.
        assert told.max_length == meant.max_length or not door.keeps_lengths
    changes = table_changes(Lines, live, primary_key(door.settings, table))
    assert [c for c in changes if not c.harmless] == []
