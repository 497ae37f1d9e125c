"""The sample board: deterministic, of any size, in monday's format, with what real boards hold."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.contracts.board_planning import BoardPlanning
from etl.io.monday.boards import read_board
from etl.io.monday.client import API_URL, MondayClient
from etl.io.monday.column_types import COLUMN_TYPES
from etl.io.monday.documents import GROUPS, Document, first_page
from etl.io.monday.mapping import all_columns, contract_columns
from etl.io.monday.pages import read_items
from etl.io.monday.sample import SampleTransport
from etl.samples import SampleBoard, write_samples
from tests.monday_server import OWN_SCHEMA, MondayServer, PeerBoard

if TYPE_CHECKING:
    from pathlib import Path


def client(rows: int, seed: int = 0) -> MondayClient:
    return MondayClient(API_URL, None, transport=SampleTransport(rows, seed))


BOARDS = [(SampleBoard(1, seed), SampleBoard(10**7, seed)) for seed in range(3)]


@given(index=st.integers(0, 10**6), boards=st.sampled_from(BOARDS))
def test_an_item_depends_on_seed_and_index_alone(
    index: int, boards: tuple[SampleBoard, SampleBoard]
) -> None:
    small, large = boards
    assert small.item(index) == large.item(index)


def test_another_seed_is_another_board() -> None:
    assert SampleBoard(seed=1).item(3) != SampleBoard(seed=2).item(3)


def test_ids_are_unique_and_names_are_not() -> None:
    board = SampleBoard(2000)
    items = [board.fields(index) for index in range(2000)]
    assert len({item["id"] for item in items}) == 2000
    assert len({item["name"] for item in items}) < 20


def test_every_column_type_is_there() -> None:
    types = {column.type for column in SampleBoard().columns.values()}
    assert types == {*COLUMN_TYPES, "name", "unsupported"}
    titles = [column.title for column in SampleBoard().columns.values()]
    assert titles.count("Colour") == 2
    assert any(column.archived for column in SampleBoard().columns.values())


def test_the_default_size_holds_what_real_boards_hold() -> None:
    board = SampleBoard()
    items = [board.item(index) for index in range(board.rows)]
    cells: dict[str, list[Any]] = {}
    for item in items:
        for cell in item["column_values"]:
            cells.setdefault(cell["id"], []).append(cell)
    assert "row_number" not in cells  # automatic numbers are not sent
    assert "old_notes" not in cells  # nor archived columns
    cut = [cell["text"] for cell in cells["cut_qty"]]
    assert cut.count("12 pcs") == 1
    assert {"None", "nan", "NaT", ""} <= set(cut)
    assert any("," in text for text in cut)
    assert any(text != text.strip() for text in cut)
    assert any(text.startswith("+") for text in cut)
    dates = {cell["date"] for name in ("ex_factory", "fabric_eta") for cell in cells[name]}
    assert {"", "0001-01-01", "1752-09-14", "9999-12-31"} <= dates
    assert all(
        set(json.loads(cell["value"])) == {"changed_at"}
        for cell in cells["fabric_changed"]
        if cell["value"]
    )
    names = " ".join(item["name"] for item in items)
    assert "🌧" in names
    assert "绣" in names
    assert any(unicodedata.combining(sign) for sign in names)
    assert "None" in {item["name"] for item in items}
    assert None in {cell["label"] for cell in cells["style_status"]}
    for name, column in board.columns.items():
        if column.make is not None and not column.archived and name not in {"progress", "hologram"}:
            assert len({json.dumps(cell) for cell in cells[name]}) > 1, name


def test_about_one_row_in_five_hundred_breaks_the_contract() -> None:
    board = SampleBoard(10_000)
    cut = [board.cell("cut_qty", index) for index in range(10_000)]
    assert sum(cell is not None and cell["text"] == "12 pcs" for cell in cut) == 20


def test_columns_do_not_move_in_step() -> None:
    board = SampleBoard(1000)
    pairs = {tuple(board.chosen(index, ["season", "po_number"])) for index in range(1000)}
    assert len(pairs) > 900


def test_the_planning_contract_fits_the_board() -> None:
    with client(3) as opened:
        wanted, notes = contract_columns(BoardPlanning, read_board(opened, "1"))
    assert len(wanted) > 40
    assert len(notes) == 1


@pytest.mark.parametrize("rows", [0, 1, 499, 500, 501, 1203])
def test_any_size_is_read_completely(rows: int) -> None:
    with client(rows) as opened:
        wanted, _ = contract_columns(BoardPlanning, read_board(opened, "1"))
        found = read_items(opened, "1", wanted, formula_values=None)
    assert found.frame.height == rows
    assert found.notes == ()


def test_the_transport_answers_as_a_graphql_server_does() -> None:
    """The same documents, the same bytes of data: but for cursors, which are anybody's own."""
    with (
        client(40) as sample,
        MondayServer([PeerBoard.sample(40, id="1")], token=None, sdl=OWN_SCHEMA) as server,
        MondayClient(server.url, None) as peer,
    ):
        board = read_board(sample, "1")
        assert board == read_board(peer, "1")
        wanted, _ = all_columns(board)
        asked = [column.asked for column in wanted if column.asked[1]]
        parts = [
            (known.typename, part.selection)
            for known in COLUMN_TYPES.values()
            for part in known.parts.values()
            if part.selection
        ]
        variables = {
            "board": ["1"],
            "limit": 25,
            "columns": [column.column_id for column in wanted],
        }
        for fields in (asked, parts):
            pages = []
            for opened in (sample, peer):
                (found,) = opened.execute(first_page(fields), variables)["boards"]
                assert found["items_page"].pop("cursor")
                pages.append(found)
            assert pages[0] == pages[1]
        assert sample.execute(GROUPS, {"board": ["1"]}) == peer.execute(GROUPS, {"board": ["1"]})


def test_what_the_transport_does_not_know_is_an_error_as_monday_gives_it() -> None:
    with client(1) as opened, pytest.raises(Exception, match="no answer to this") as caught:
        opened.execute(Document("Other", "query Other { version { value } }"), {})
    assert type(caught.value).__name__ == "SourceError"


def test_the_files_hold_all_items(tmp_path: Path) -> None:
    written = write_samples(tmp_path / "new", rows=1100, seed=4)
    assert [path.name for path in written] == [
        "board.json", "groups.json", "page-0001.json", "page-0002.json", "page-0003.json",
    ]  # fmt: skip
    answers = [json.loads(path.read_text(encoding="utf-8"))["data"] for path in written]
    assert answers[0]["boards"][0]["items_count"] == 1100
    assert len(answers[1]["boards"][0]["groups"]) == 4
    first, *rest = [
        answer["boards"][0]["items_page"] if "boards" in answer else answer["next_items_page"]
        for answer in answers[2:]
    ]
    items = [item for page in (first, *rest) for item in page["items"]]
    board = SampleBoard(1100, 4)
    assert items == [board.item(index) for index in range(1100)]
    assert [page["cursor"] is None for page in (first, *rest)] == [False, False, True]
    again = write_samples(tmp_path / "again", rows=1100, seed=4)
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in again]
