"""A board is read completely or not at all, whatever happens between its pages."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from etl.errors import SourceError
from etl.io.monday import pages
from etl.io.monday.boards import read_board, read_groups
from etl.io.monday.cells import WantedColumn
from etl.io.monday.client import MondayClient, RetryPolicy
from etl.io.monday.mapping import all_columns
from etl.io.monday.pages import BoardItems, read_items
from etl.samples import SampleBoard
from tests.monday_server import REAL_SCHEMA, PeerBoard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.io.monday.conftest import Clock, Serve

BOARD = "9200517329"
PO = WantedColumn(name="po", column_id="po_number", type="text", part="text")
FORMULA = WantedColumn(name="margin", column_id="margin_pct", type="formula", part="display_value")


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten items a page, so that a few items make several pages."""
    monkeypatch.setattr(pages, "PAGE_ITEMS", 10)


small_pages = pytest.mark.usefixtures("_small_pages")


def read(client: MondayClient, **options: Any) -> BoardItems:
    return read_items(client, BOARD, [PO], **options)


def ids(found: BoardItems) -> list[int]:
    return found.frame["item_id"].to_list()


def expected_ids(rows: int) -> list[int]:
    return [int(SampleBoard(rows).fields(index)["id"]) for index in range(rows)]


@small_pages
def test_all_pages_are_read_in_order(serve: Serve) -> None:
    server, client = serve(35)
    found = read(client)
    assert ids(found) == expected_ids(35)
    assert server.pages == [1, 2, 3, 4]
    assert found.notes == ()
    first, *rest = server.asked
    assert first.variables == {"board": [BOARD], "limit": 10, "columns": ["po_number"]}
    assert [sorted(asked.variables) for asked in rest] == [["columns", "cursor", "limit"]] * 3


def test_five_hundred_items_come_in_one_page(serve: Serve) -> None:
    server, client = serve(501)
    assert len(ids(read(client))) == 501
    assert [asked.variables["limit"] for asked in server.asked] == [500, 500]


@small_pages
@pytest.mark.parametrize("fault", ["limit-body", "bad-gateway", "dropped", "partial-internal"])
def test_a_page_that_fails_for_a_while_is_asked_for_again(serve: Serve, fault: str) -> None:
    server, client = serve(35)
    server.fail(fault, page=2, times=2)
    assert ids(read(client)) == expected_ids(35)
    assert server.pages == [1, 2, 2, 2, 3, 4]


@small_pages
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("bad-gateway", "tried 2 times"),
        ("partial", "Could not resolve column"),
        ("daily", "Daily limit"),
        ("html", "not JSON"),
        ("half-json", "not JSON"),
        ("null-page", "unknown shape"),
        ("odd-items", "unknown shape"),
        ("no-data", "no data"),
    ],
)
def test_a_page_that_keeps_failing_fails_the_read(serve: Serve, fault: str, said: str) -> None:
    server, client = serve(35, client={"retry": RetryPolicy(attempts=2)})
    server.fail(fault, page=2, times=None)
    with pytest.raises(SourceError, match=said):
        read(client)
    assert set(server.pages) == {1, 2}


@small_pages
@pytest.mark.parametrize("fault", ["null-page", "odd-items", "html"])
def test_a_first_page_of_another_shape_is_a_source_error(serve: Serve, fault: str) -> None:
    server, client = serve(35)
    server.fail(fault, page=1, times=None)
    with pytest.raises(SourceError):
        read(client)
    server.fail(fault, times=None)
    with pytest.raises(SourceError):
        read_board(client, BOARD)
    with pytest.raises(SourceError):
        read_groups(client, BOARD)


@small_pages
@pytest.mark.parametrize("fault", ["cursor", "cursor-old"])
def test_an_expired_cursor_starts_again_from_the_first_page(serve: Serve, fault: str) -> None:
    server, client = serve(35)
    server.fail(fault, page=3)
    found = read(client)
    assert ids(found) == expected_ids(35)  # once each: what was read before is dropped
    assert server.pages == [1, 2, 3, 1, 2, 3, 4]


@small_pages
@pytest.mark.parametrize("fault", ["cursor", "cursor-old"])
def test_a_cursor_that_never_recovers_is_an_error(serve: Serve, clock: Clock, fault: str) -> None:
    server, client = serve(35)
    server.fail(fault, page=2, times=None)
    with pytest.raises(SourceError, match="cursor expired 3 times"):
        read(client)
    assert server.pages == [1, 2] * 3
    assert clock.waits == []


def changed(board: PeerBoard, how: Any) -> PeerBoard:
    board.items_of_pass = how
    return board


@small_pages
def test_items_that_are_missing_once_are_read_again(serve: Serve) -> None:
    def hidden(number: int, items: Sequence[Any]) -> Sequence[Any]:
        return items[:-7] if number == 1 else items

    server, client = serve(changed(PeerBoard.sample(35), hidden))
    assert ids(read(client)) == expected_ids(35)
    assert server.pages == [1, 2, 3, 1, 2, 3, 4]


@small_pages
def test_items_that_stay_missing_are_an_error(serve: Serve) -> None:
    server, client = serve(changed(PeerBoard.sample(35), lambda _, items: items[:30]))
    with pytest.raises(SourceError, match="35 items, but only 30 came, twice"):
        read(client)
    assert server.pages == [1, 2, 3] * 2


@small_pages
def test_duplicates_do_not_hide_missing_items(serve: Serve) -> None:
    board = PeerBoard.sample(35)
    _, client = serve(changed(board, lambda _, items: [*items[:30], *items[:5]]))
    with pytest.raises(SourceError, match="only 30 came"):
        read(client)


@small_pages
def test_more_items_than_the_board_counts_are_noted(serve: Serve) -> None:
    board = PeerBoard.sample(35)
    board.items_count = 33
    _, client = serve(board)
    found = read(client)
    assert ids(found) == expected_ids(35)
    assert found.notes == ("the board counted 33 items and gave 35: it grew while it was read",)


@small_pages
def test_an_item_that_comes_twice_counts_once_as_it_came_later(serve: Serve) -> None:
    def moved(_: int, items: Sequence[Any]) -> Sequence[Any]:
        return [*items, {**items[3], "name": "renamed meanwhile"}]

    _, client = serve(changed(PeerBoard.sample(35), moved))
    found = read(client)
    assert sorted(ids(found)) == expected_ids(35)
    again = found.frame.filter(pl.col("item_id") == expected_ids(35)[3])
    assert again["item_name"].to_list() == ["renamed meanwhile"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("1 items came more than once")


@small_pages
def test_a_board_without_a_count_is_noted(serve: Serve) -> None:
    board = PeerBoard.sample(12)
    board.items_count = None
    _, client = serve(board)
    found = read(client)
    assert len(ids(found)) == 12
    assert "no items_count" in found.notes[0]


@small_pages
@pytest.mark.parametrize(
    ("limit", "asked"), [(3, [1]), (10, [1]), (15, [1, 2]), (99, [1, 2, 3, 4])]
)
def test_a_limit_reads_no_more_than_it_must(serve: Serve, limit: int, asked: list[int]) -> None:
    server, client = serve(changed(PeerBoard.sample(35), lambda _, items: items[:32]))
    found = read(client, limit=limit)  # what is missing does not matter to a preview
    assert ids(found) == expected_ids(35)[: min(limit, 32)]
    assert server.pages == asked
    assert server.asked[0].variables["limit"] == min(limit, 10)


def test_progress_is_told_after_every_page(serve: Serve) -> None:
    _, client = serve(501)
    told: list[tuple[str, int, int | None]] = []
    read(client, progress=lambda *args: told.append(args))
    assert told == [(f"board {BOARD}", 500, 501), (f"board {BOARD}", 501, 501)]


@small_pages
def test_the_next_page_is_fetched_while_this_one_is_worked_on(serve: Serve) -> None:
    server, client = serve(15)
    came = threading.Event()
    answer = server.answer

    def watched(raw: bytes, headers: Any) -> Any:
        if b"cursor: $cursor" in raw:
            came.set()
        return answer(raw, headers)

    server.answer = watched  # type: ignore[method-assign]
    during: list[bool] = []
    read(client, progress=lambda *_: during.append(came.wait(30)))
    assert during == [True, True]  # the first page was still in our hands


def test_an_empty_board_gives_an_empty_frame_of_the_same_types(serve: Serve) -> None:
    _, empty = serve(0)
    _, full = serve(3)
    assert read(empty).frame.is_empty()
    assert read(empty).frame.schema == read(full).frame.schema


def test_a_server_that_ignores_the_columns_asked_for_does_no_harm(serve: Serve) -> None:
    _, client = serve(20, ignore_column_ids=True)
    _, strict = serve(20)
    assert read(client).frame.equals(read(strict).frame)


def test_no_such_board_says_where_to_look(serve: Serve) -> None:
    _, client = serve(3)
    for call in (read_board, read_groups):
        with pytest.raises(SourceError, match=r"no board 1.*config\.yaml"):
            call(client, "1")
    with pytest.raises(SourceError, match="no board 1"):
        read_items(client, "1", [PO])


def test_a_cursor_that_comes_again_does_not_go_round_for_ever(serve: Serve) -> None:
    board = PeerBoard.sample(1200)
    server, client = serve(board)
    page = server.page

    def circular(of: PeerBoard, start: int, limit: int, number: int) -> dict[str, Any]:
        return {**page(of, start, limit, number), "cursor": f"{of.id}:{number}:500"}

    server.page = circular  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="same cursor twice"):
        read(client)
    assert server.pages == [1, 2]


def test_pages_without_items_do_not_go_on_for_ever(serve: Serve) -> None:
    server, client = serve(3)
    numbers = iter(range(10**6))

    def empty(of: PeerBoard, *_: Any) -> dict[str, Any]:
        return {"cursor": f"{of.id}:1:{next(numbers)}", "items": []}

    server.page = empty  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="keeps sending empty pages"):
        read(client)
    assert len(server.asked) < 10


# Formulas


def formula_board(rows: int, shown: Any) -> PeerBoard:
    """A board whose formula column shows what the function says for a row."""
    board = PeerBoard.sample(0)
    board.items_count = rows
    head = {"__typename": "FormulaValue", "id": "margin_pct", "text": "", "value": None}
    board.items = [
        {
            **SampleBoard().fields(index),
            "column_values": [{**head, "display_value": shown(index)}],
        }
        for index in range(rows)
    ]
    return board


def test_formula_pages_wait_until_they_fit_into_the_minute(serve: Serve, clock: Clock) -> None:
    server, client = serve(formula_board(1600, str))
    found = read_items(client, BOARD, [FORMULA], formula_values=1000)
    assert found.frame["margin"].to_list() == [str(index) for index in range(1600)]
    assert clock.waits == [61.0]
    assert server.pages == [1, 2, 3, 4]


def test_formulas_that_turn_empty_past_the_quota_fail_the_read(serve: Serve) -> None:
    # The quota is the account's: somebody else has used some of it.
    _, client = serve(formula_board(1600, str), formula_quota=1200)
    with pytest.raises(SourceError, match="margin came back empty from value 1200 on"):
        read_items(client, BOARD, [FORMULA], formula_values=1000)


def test_formulas_that_are_empty_by_themselves_are_null(serve: Serve) -> None:
    sparse = formula_board(1600, lambda index: "" if index % 90 else "1")
    none = formula_board(1600, lambda _: "")
    early = formula_board(600, lambda index: "1" if index < 300 else "")
    for board, filled in ((sparse, 18), (none, 0), (early, 300)):
        _, client = serve(board)
        frame = read_items(client, BOARD, [FORMULA], formula_values=1000).frame
        assert frame.height - frame["margin"].null_count() == filled


def test_without_a_quota_nothing_waits_and_nothing_is_suspected(serve: Serve, clock: Clock) -> None:
    _, client = serve(formula_board(1600, lambda index: "1" if index < 800 else ""))
    frame = read_items(client, BOARD, [FORMULA], formula_values=None).frame
    assert frame["margin"].null_count() == 800
    assert clock.waits == []


def test_more_than_five_formulas_are_refused_before_anything_is_read(serve: Serve) -> None:
    server, client = serve(3)
    six = [
        WantedColumn(name=f"f{n}", column_id=f"f{n}", type="formula", part="display_value")
        for n in range(6)
    ]
    with pytest.raises(SourceError, match="at most 5 in a request"):
        read_items(client, BOARD, six)
    assert server.asked == []


# The whole board, over monday's own schema where it is at hand


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="own"),
        pytest.param(
            {"sdl": REAL_SCHEMA},
            id="monday",
            marks=pytest.mark.skipif(
                not REAL_SCHEMA.exists(), reason="monday's own schema is not on this machine"
            ),
        ),
    ],
)
def test_every_column_type_comes_through(serve: Serve, options: dict[str, Any]) -> None:
    _, client = serve(60, **options)
    wanted, _ = all_columns(read_board(client, BOARD))
    frame = read_items(client, BOARD, wanted).frame
    item = next(
        index
        for index in range(60)
        if all(
            frame[name][index] is not None
            for name in ("ship_at", "production_from", "plan_week_to")
        )
    )
    sample = {cell["id"]: cell for cell in SampleBoard(60).item(item)["column_values"]}
    row = frame.row(item, named=True)
    assert row["style_status"] == sample["style_status"]["label"]
    assert row["order_qty"] == sample["order_qty"]["number"]
    assert row["approved"] is bool(sample["approved"]["checked"])
    assert (row["customer"] or []) == [one["label"] for one in sample["customer"]["values"]]
    assert (row["sizes"] or []) == [int(one) for one in sample["sizes"]["subitems_ids"]]
    assert f"{row['ship_at']:%Y-%m-%d}" == sample["ship_at"]["date"]
    assert f"{row['ship_at']:%H:%M:%S}" == sample["ship_at"]["time"]  # UTC, not the text's zone
    assert row["production_from"].isoformat() == sample["production"]["from"][:10]
    assert row["plan_week_to"].isoformat() == sample["plan_week"]["end_date"][:10]
    assert row["pulse_id"] == row["item_id"]
    assert row["row_number"] is None
    expected = {
        "style_status": pl.String, "customer": pl.List(pl.String), "order_qty": pl.Float64,
        "ex_factory": pl.Date, "ship_at": pl.Datetime("us", "UTC"), "production_to": pl.Date,
        "shift_start": pl.Time, "approved": pl.Boolean, "priority": pl.Int64, "votes": pl.Int64,
        "factory_site": pl.String, "factory_site_lat": pl.Float64, "tech_pack": pl.String,
        "pulse_id": pl.Int64, "created_log": pl.Datetime("us", "UTC"), "sewing_time": pl.Int64,
        "linked_orders": pl.String, "mirror_status": pl.String, "margin_pct": pl.String,
        "sizes": pl.List(pl.Int64), "hologram": pl.String, "progress": pl.String,
    }  # fmt: skip
    assert {name: frame.schema[name] for name in expected} == expected


def test_groups_come_with_their_position_as_text_and_deleted_ones_do_not(serve: Serve) -> None:
    board = PeerBoard.sample(1)
    gone = {**board.groups[0], "id": "gone", "deleted": True}
    board.groups = [*board.groups, gone]
    _, client = serve(board)
    frame = read_groups(client, BOARD)
    assert frame.height == 4
    assert frame.row(2, named=True) == {
        "board_id": int(BOARD),
        "group_id": "group_fall_2",
        "title": "Fall / Winter",
        "position": "196608.0",
        "color": "#ff642e",
        "archived": True,
    }
