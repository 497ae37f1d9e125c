"""The job subitems against a board: quantities get there once, and the table is what the board says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from etl.contracts.shipments import Packed, Shipped
from etl.errors import SourceError
from etl.io import db_helper as db
from etl.io.monday.board_store import BoardStore
from etl.runner import RunResult, execute
from tests.jobs.orders import BOARD, SUBITEMS, Line, Works
from tests.monday_server import MondayServer
from tests.monday_server.faults import AliasFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    """Two orders on the board and in the schedule."""
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    store = BoardStore(tmp_path / "board.db")
    works = Works(tmp_path, store)
    with MondayServer(store=store) as server:
        monkeypatch.setenv("MONDAY_API_URL", server.url)
        monkeypatch.setenv("MONDAY_API_TOKEN", str(server.token))
        works.order([Line(0), Line(1, po="PO-7")])
        assert execute("bulk-orders", works.config).error is None
        works.server = server
        yield works
    store.close()


def scanned(works: Works, quantity: int) -> None:
    """Of the first order's M so many were packed, and one less was shipped."""
    scan = {"customer": "northwind", "po_number": "po-1", "style": "st-0", "color": "NAVY"}
    for contract, database, table, less in (
        (Packed, "distribution", "dbo.packed", 0),
        (Shipped, "warehouse", "dbo.shipped", 1),
    ):
        row = {**scan, "size": "m", "quantity": quantity - less, contract.primary_key()[0]: 1}
        frame = pl.DataFrame([row], schema=pl.Schema(contract))
        db.write_frame(frame, table, works.config.database(database), mode="replace")


def run(works: Works) -> RunResult:
    return execute("subitems", works.config)


def quantities(works: Works) -> dict[str, tuple[int | None, int | None]]:
    rows = works.table("subitems").select("size_key", "packed_qty", "shipped_qty").rows()
    return {key: (packed, shipped) for key, packed, shipped in rows}


def on_board(works: Works) -> dict[str, tuple[str | None, str | None]]:
    return {
        one["size_key"]: (one["packed_qty"] or None, one["shipped_qty"] or None)
        for one in works.on_board(SUBITEMS)
    }


KEY = "so-0|st-0|navy|M"


def test_quantities_are_written_where_they_changed_and_nowhere_else(works: Works) -> None:
    scanned(works, 2)
    first = run(works)
    assert (first.error, first.calls[0].updated, first.rows_written) == (None, 1, 1)
    assert on_board(works)[KEY] == ("2", "1")
    assert quantities(works)[KEY] == (2, 1)
    again = run(works)
    assert (again.error, again.calls[0].updated, again.rows_written) == (None, 0, 0)
    scanned(works, 5)
    assert run(works).calls[0].updated == 1
    assert quantities(works)[KEY] == (5, 4)
    others = {key: told for key, told in quantities(works).items() if key != KEY}
    assert set(others.values()) == {(None, None)}


def test_what_the_board_refuses_is_tried_again_and_the_table_says_what_is_there(
    works: Works,
) -> None:
    scanned(works, 2)
    works.server.alias_faults = [AliasFault("a0", "no", "ColumnValueException", times=None)]
    refused = run(works)
    assert refused.error is None
    assert refused.calls[0].failed == 1
    assert quantities(works)[KEY] == (None, None)
    works.server.alias_faults = []
    works.server.forgets = True  # within half an hour monday would give the same answer again
    assert run(works).calls[0].updated == 1
    assert quantities(works)[KEY] == (2, 1)


def test_the_table_has_the_subitems_of_scheduled_items_and_no_others(works: Works) -> None:
    scanned(works, 2)
    item = next(one for one in works.on_board(BOARD) if one["order_key"].startswith("so-1"))
    with works.store.transaction():
        works.store.create_subitem(item["id"], "XL (by hand)", {"order_qty": "4"})
        stranger = works.store.create_item(BOARD, None, "No order of ours", {})
        works.store.create_subitem(stranger, "M", {"order_qty": "4"})
        gone = next(one for one in works.on_board(SUBITEMS) if one["size_key"].endswith("navy|S"))
        works.store.set_state(gone["id"], "deleted")
    before = set(quantities(works))
    assert run(works).error is None
    made = f"{item['order_key']}|XL (by hand)"
    assert set(quantities(works)) == (before - {gone["size_key"]}) | {made}


def test_a_board_without_subitems_does_not_empty_the_table(works: Works) -> None:
    scanned(works, 2)
    before = quantities(works)
    for one in works.on_board(SUBITEMS):
        with works.store.transaction():
            works.store.set_state(one["id"], "deleted")
    result = run(works)
    assert isinstance(result.exception, SourceError)
    assert quantities(works) == before


def test_scans_that_are_not_there_are_told(works: Works) -> None:
    result = run(works)
    assert isinstance(result.exception, SourceError)
    assert "etl samples" in str(result.error)
