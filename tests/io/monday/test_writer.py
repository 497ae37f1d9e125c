"""The board writer against the peer: what it sends, and what it says of each fault."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from pydantic import SecretStr

from etl.errors import ConfigError, ContractError, LoadError, TransientError
from etl.io.monday.client import MondayClient
from etl.io.monday.writer import write_board
from etl.io.source import silent
from tests.io.monday.writing import BOARD, Place, orders, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.io.sink import WriteReport
    from tests.io.monday.conftest import Clock


@pytest.fixture
def there(clock: Clock) -> Iterator[Place]:
    with place(clock=clock) as found:
        yield found


def column(report: WriteReport, name: str) -> list[object]:
    return report.results[name].to_list()


def test_items_are_created_in_their_groups_with_typed_cells(there: Place) -> None:
    payloads = orders(
        3,
        group=["Spring", None, "Spring"],
        customer="Café Lumière 🌧️",
        due_date=dt.date(2026, 3, 1),
        qty=[Decimal("12.50"), None, Decimal(100)],
        state="Done",
        tags=[["woven", "knit"], [], None],
        notes="two\nlines",
        rush=[True, False, None],
        run=[[dt.date(2026, 1, 1), dt.date(2026, 1, 9)], None, None],
        colour=["Écru", "", None],
    )
    report = there.write(payloads)
    assert column(report, "status") == ["done"] * 3
    assert column(report, "action") == ["created"] * 3
    assert column(report, "attempts") == [1, 1, 1]
    assert report.notes == ("1 groups created: Spring",)
    items = there.items()
    assert [int(item["id"]) for item in items] == column(report, "item_id")
    assert [item["group"]["title"] for item in items] == ["Spring", "Items", "Spring"]
    first = items[0]
    assert first["name"] == "Linen PO-0"
    assert there.cell(first, "qty")["text"] == "12.5"
    assert there.cell(first, "due_date")["date"] == "2026-03-01"
    assert [one["label"] for one in there.cell(first, "tags")["values"]] == ["knit", "woven"]
    assert there.cell(first, "notes")["text"] == "two\nlines"
    assert there.cell(first, "rush")["checked"] is True
    assert there.cell(first, "run")["to"] == "2026-01-09"
    assert there.cell(first, "text8")["text"] == "Écru"
    assert there.cell(items[1], "text8")["text"] == ""
    assert there.server.operations() == ["Target", "ItemsByKey", "CreateGroup", "Groups", "CreateItems"]  # fmt: skip


def test_writing_again_sends_nothing_and_only_differences_are_sent(there: Place) -> None:
    payloads = orders(
        6, qty=[1, 2, 3, 4, 5, 6], due_date=dt.date(2026, 1, 2), state="Planned", rush=True
    )
    there.write(payloads)
    there.server.asked.clear()
    again = there.write(payloads)
    assert column(again, "action") == ["unchanged"] * 6
    assert column(again, "attempts") == [0] * 6
    assert there.server.operations() == ["Target", "ItemsByKey"]
    changed = payloads.with_columns(qty=pl.Series([1, 2, 33, 4, 5, None]))
    there.server.asked.clear()
    report = there.write(changed)
    assert column(report, "action") == ["unchanged"] * 2 + ["updated"] + ["unchanged"] * 3
    [sent] = [asked for asked in there.server.asked if asked.operation == "ChangeItems"]
    assert json.loads(sent.variables["cells0"]) == {"qty": "33"}
    assert [there.cell(item, "qty")["text"] for item in there.items()] == [*"12", "33", *"456"]  # fmt: skip


def test_a_null_leaves_a_cell_alone_unless_it_is_to_clear_it(there: Place) -> None:
    there.write(orders(1, qty=5, rush=True, notes="x"))
    empty = orders(1).with_columns(
        qty=pl.lit(None, pl.Int64), rush=pl.lit(None, pl.Boolean), notes=pl.lit("")
    )
    assert column(there.write(empty), "action") == ["unchanged"]
    assert column(there.write(empty, clear=True), "action") == ["updated"]
    [item] = there.items()
    assert there.cell(item, "qty")["text"] == there.cell(item, "notes")["text"] == ""
    assert there.cell(item, "rush")["checked"] is False
    assert column(there.write(empty, clear=True), "action") == ["unchanged"]


def test_an_item_is_renamed_and_stays_in_its_group(there: Place) -> None:
    there.write(orders(1, group="Spring"))
    report = there.write(orders(1, group="Autumn").with_columns(item_name=pl.lit("New name")))
    assert column(report, "action") == ["updated"]
    [item] = there.items()
    assert (item["name"], item["group"]["title"]) == ("New name", "Spring")


def test_a_plan_sends_nothing(there: Place) -> None:
    there.write(orders(2, qty=1))
    there.server.asked.clear()
    payloads = orders(4, qty=[1, 2, 3, 4], group="Autumn")
    report = there.write(payloads, plan=True)
    assert column(report, "action") == ["unchanged", "updated", "created", "created"]
    assert column(report, "status") == ["done", "skipped", "skipped", "skipped"]
    assert report.notes == ("1 groups to be created: Autumn",)
    assert set(there.server.operations()) == {"Target", "ItemsByKey"}
    assert len(there.items()) == 2


@pytest.mark.parametrize(
    ("payloads", "said"),
    [
        (orders(2).drop("key"), "no column 'key'"),
        (orders(2).drop("item_name"), "no column 'item_name'"),
        (orders(["a", "a", "b", "b", "b"]), r"keys that several rows have: 'a', 'b' \(of 2\)"),
        (orders(2).with_columns(key=pl.lit(None, pl.String)), "2 rows without a key"),
        (orders(2).with_columns(key=pl.Series([1, 2])), "column 'key' is Int64; it takes text"),
        (orders(1, item_id=1.5), "column 'item_id' is Float64; it takes whole numbers"),
        (orders(1, parent_item_id=1), "column 'parent_item_id' is there, which an item does not"),
        (orders(1, custmer="x"), "no column 'custmer'; did you mean 'customer'"),
        (orders(1, order_key="x"), "the key's column"),
        (orders(1, colour="x", text8="y"), "another column is board column 'text8' already"),
        (orders(1, name="x"), "use `item_name`"),
        (orders(1, due_date="2026-01-01"), "String does not fit board column 'due_date', of type date; it takes date, datetime"),
        (orders(1).with_columns(due_date=pl.lit(0).cast(pl.Datetime("us"))), "without a time zone"),
        (orders(1, qty=True), "Boolean does not fit board column 'qty'"),
        (orders(1, qty=b"x"), "Binary does not fit"),
    ],
)  # fmt: skip
def test_a_frame_that_does_not_fit_is_refused_before_anything_is_sent(
    there: Place, payloads: pl.DataFrame, said: str
) -> None:
    with pytest.raises(ContractError, match=said):
        _write(there, payloads)
    assert there.items() == []
    assert all(name == "Target" for name in there.server.operations())


def _write(there: Place, payloads: pl.DataFrame) -> object:
    with there.client() as client:
        return write_board(client, BOARD, payloads, progress=silent)


def test_columns_that_are_not_written_are_refused(there: Place) -> None:
    columns = [
        {"id": "order_key", "title": "Key", "type": "text"},
        {"id": "margin", "title": "Margin", "type": "formula"},
        {"id": "no", "title": "No.", "type": "auto_number"},
        {"id": "seen", "title": "Seen", "type": "mirror"},
        {"id": "old", "title": "Old", "type": "text", "archived": True},
    ]
    there.store.add_board("201", "schedule", columns, key="order_key")
    with pytest.raises(ContractError) as caught:
        _write(there, orders(1, margin="1", no=1, seen="x", old="x"))
    for said in ("it is formula", "it is auto_number", "it is mirror", "no column 'old'"):
        assert said in str(caught.value)


def test_values_that_do_not_fit_are_set_aside_and_the_rest_is_written(there: Place) -> None:
    payloads = orders(
        ["a", "b", "c", "d", "e", " f", "g\n", "h", "i", "j"],
        qty=["1", "x", "inf", "4", "5", "6", "7", "8", "9", "10"],
        state=["Done", "Done", "Done", "done", "Done", "Done", "Done", "Done", "Done", "Done"],
        notes=[*("n" * 5), "n", "n", "n" * 2001, "n", "n"],
        run=[None] * 8 + [[dt.date(2026, 2, 2), dt.date(2026, 1, 1)], [dt.date(2026, 1, 1)]],
    ).with_columns(item_name=pl.when(key="e").then(pl.lit("x" * 256)).otherwise("item_name"))
    report = there.write(payloads)
    assert column(report, "status") == ["done", *["failed"] * 9]
    assert set(column(report, "error_type")) == {None, "rejected"}
    said = column(report, "message")
    for message, part in zip(
        said[1:],
        ["'x' is no number", "'inf' is no number", "no label 'done'; did you mean 'Done'",
         "item_name has 256 characters", "spaces around it", "unprintable", "2001 characters",
         "is before the first", "1 values; it takes two"],
        strict=True,
    ):  # fmt: skip
        assert part in str(message)
    assert there.keys() == ["a"]


def test_labels_are_created_where_that_is_asked_for(there: Place) -> None:
    report = there.write(orders(1, state="Cutting", tags=[["silk"]]), create_labels=True)
    assert column(report, "status") == ["done"]


def test_a_key_that_is_on_the_board_twice_is_told_with_the_items(there: Place) -> None:
    with there.store.transaction():
        ids = [there.store.create_item("201", None, "x", {"order_key": "PO-1"}) for _ in range(2)]
    report = there.write(orders(3))
    assert column(report, "status") == ["done", "failed", "done"]
    assert column(report, "error_type")[1] == "rejected"
    assert all(str(one) in str(column(report, "message")[1]) for one in ids)
    assert len(there.items()) == 4


def test_items_that_are_known_are_not_looked_up_by_key(there: Place) -> None:
    ids = column(there.write(orders(3)), "item_id")
    there.server.asked.clear()
    report = there.write(orders(3, qty=7).with_columns(item_id=pl.Series(ids)))
    assert column(report, "action") == ["updated"] * 3
    assert there.server.operations() == ["Target", "ItemsById", "ChangeItems"]


def test_items_that_have_vanished_are_found_out(there: Place) -> None:
    ids = [int(str(one)) for one in column(there.write(orders(3)), "item_id")]
    with there.store.transaction():
        there.store.set_state(ids[0], "deleted")
        there.store.set_state(ids[1], "archived")
        other = there.store.create_item("201", None, "moved", {"order_key": "PO-1"})
    report = there.write(orders(3, qty=7).with_columns(item_id=pl.Series(ids)))
    assert column(report, "status") == ["failed", "done", "done"]
    assert "no longer on board 201" in str(column(report, "message")[0])
    assert column(report, "item_id")[1] == other
    wrong = there.write(orders(["PO-9"]).with_columns(item_id=pl.lit(ids[2])))
    assert "holds the key 'PO-2', not 'PO-9'" in str(column(wrong, "message")[0])


@pytest.mark.parametrize("name", ["bad-gateway", "dropped", "internal", "half-json", "overloaded"])
@pytest.mark.parametrize("upto", [None, 0, 2])
@pytest.mark.parametrize("forgets", [False, True])
def test_an_uncertain_answer_makes_no_item_twice(
    there: Place, name: str, upto: int | None, forgets: bool
) -> None:
    there.server.forgets = forgets
    there.server.fail(name, operation="CreateItems", upto=upto)
    report = there.write(orders(7))
    assert column(report, "status") == ["done"] * 7
    assert sorted(there.keys()) == sorted(f"PO-{index}" for index in range(7))
    assert [int(item["id"]) for item in there.items()] == sorted(column(report, "item_id"))  # type: ignore[type-var]


def test_a_slow_answer_makes_no_item_twice(there: Place) -> None:
    there.server.fail("slow", operation="CreateItems")
    report = there.write(orders(4), client={"timeout": 0.5})
    assert column(report, "status") == ["done"] * 4
    assert len(there.items()) == 4


@pytest.mark.parametrize("late", [2, 3, 4])
def test_work_that_goes_on_after_its_answer_is_not_done_twice(there: Place, late: int) -> None:
    """The lookup finds nothing yet; the same key under retry is what keeps it single."""
    there.server.fail("bad-gateway", operation="CreateItems", late=late)
    report = there.write(orders(4))
    assert column(report, "status") == ["done"] * 4
    assert there.keys() == [f"PO-{index}" for index in range(4)]
    keys = {
        asked.headers["idempotency-key"]
        for asked in there.server.asked
        if asked.operation == "CreateItems"
    }
    assert len(keys) == 1


@pytest.mark.parametrize("forgets", [False, True])
def test_work_that_is_seen_half_done_is_waited_for(there: Place, forgets: bool) -> None:
    there.server.forgets = forgets
    there.server.fail("bad-gateway", operation="CreateItems", upto=2, late=2)
    report = there.write(orders(5))
    assert column(report, "status") == ["done"] * 5
    assert column(report, "attempts") == [1] * 5
    assert there.keys() == [f"PO-{index}" for index in range(5)]


def test_a_request_has_the_same_key_in_another_process_and_another_one_for_other_content(
    there: Place,
) -> None:
    there.attempts = 1
    there.server.fail("overloaded", operation="CreateItems", upto=0, times=2)
    for _ in range(2):
        assert column(there.write(orders(2, qty=1)), "error_type") == ["retryable"] * 2
    there.write(orders(2, qty=2))
    sent = [asked for asked in there.server.asked if asked.operation == "CreateItems"]
    keys = [asked.headers["idempotency-key"] for asked in sent]
    assert keys[0] == keys[1] != keys[2]
    assert there.keys() == ["PO-0", "PO-1"]


@pytest.mark.parametrize(("code", "kind"), [("ColumnValueException", "rejected"), ("INTERNAL_SERVER_ERROR", "retryable")])  # fmt: skip
def test_the_failure_of_one_row_is_its_own(there: Place, code: str, kind: str) -> None:
    there.attempts = 3
    there.server.fail_alias("a1", "This row can't be had", code, times=1)
    report = there.write(orders(4))
    if kind == "rejected":
        assert column(report, "status") == ["done", "failed", "done", "done"]
        assert column(report, "error_type")[1] == "rejected"
        assert "This row can't be had" in str(column(report, "message")[1])
        assert len(there.items()) == 3
    else:
        assert column(report, "status") == ["done"] * 4
        assert column(report, "attempts") == [1, 2, 1, 1]
        assert len(there.items()) == 4


def test_one_row_that_is_done_and_still_an_error_is_found(there: Place) -> None:
    there.server.fail_alias("a2", "Internal server error", "INTERNAL_SERVER_ERROR", done=True)
    report = there.write(orders(4))
    assert column(report, "status") == ["done"] * 4
    assert len(there.items()) == 4
    assert column(report, "attempts") == [1] * 4


def test_a_request_that_is_refused_as_a_whole_is_sent_row_by_row(there: Place) -> None:
    there.server.fail("refused", operation="CreateItems", upto=0)
    report = there.write(orders(3))
    assert column(report, "status") == ["done"] * 3
    assert there.server.operations().count("CreateItems") == 4


@pytest.mark.parametrize("name", ["limit-body", "locked", "concurrency", "limit-header"])
def test_limits_and_locks_are_waited_out(there: Place, clock: Clock, name: str) -> None:
    there.server.fail(name, operation="CreateItems", upto=0, times=2)
    assert column(there.write(orders(3)), "status") == ["done"] * 3
    assert len(clock.waits) == 2
    assert there.keys() == ["PO-0", "PO-1", "PO-2"]


def test_the_rate_limit_header_slows_it_down(there: Place, clock: Clock) -> None:
    there.server.rate_limit = lambda count: f'"minuteRate";r={0 if count == 3 else 50};t=30'
    there.write(orders(12))
    assert clock.waits == [30.0]


def test_what_does_not_pass_is_retryable_and_ends_the_write(there: Place) -> None:
    there.attempts = 2
    there.server.fail("locked", operation="CreateItems", upto=0, times=None)
    report = there.write(orders(25))
    assert column(report, "status") == ["failed"] * 15 + ["skipped"] * 10
    assert set(column(report, "error_type")) == {"retryable"}
    assert isinstance(report.fatal, TransientError)
    there.server.faults.clear()
    assert column(there.write(orders(25)), "status") == ["done"] * 25


@pytest.mark.parametrize("operation", ["CreateItems", "ChangeItems"])
def test_a_row_that_never_gets_through_does_not_hold_up_the_others(
    there: Place, operation: str
) -> None:
    there.attempts = 2
    if operation == "ChangeItems":
        there.write(orders(15))
    ill = orders(15, customer=["ill" if index == 6 else "well" for index in range(15)])
    there.server.fail("internal", operation=operation, upto=0, times=None, holds="ill")
    report = there.write(ill)
    assert column(report, "status") == ["done"] * 6 + ["failed"] + ["done"] * 8
    assert column(report, "error_type")[6] == "retryable"
    assert report.fatal is None


@pytest.mark.parametrize(("name", "sent"), [("internal", 15), ("locked", 6)])
def test_an_outage_ends_the_write_after_a_few_batches(there: Place, name: str, sent: int) -> None:
    there.attempts = 2
    there.server.fail(name, operation="CreateItems", upto=0, times=None)
    report = there.write(orders(40))
    assert column(report, "status") == ["failed"] * 15 + ["skipped"] * 25
    assert there.server.operations().count("CreateItems") == sent
    assert isinstance(report.fatal, TransientError)


@pytest.mark.parametrize("name", ["unauthorized", "forbidden", "no-board", "daily"])
def test_what_is_fatal_stops_at_once_and_loses_no_result(there: Place, name: str) -> None:
    there.server.fail(name, operation="CreateItems", upto=0, times=None, skip=1)
    report = there.write(orders(14))
    assert column(report, "status") == ["done"] * 5 + ["failed"] * 5 + ["skipped"] * 4
    assert column(report, "error_type") == [None] * 5 + ["fatal"] * 9
    assert isinstance(report.fatal, LoadError)
    assert not isinstance(report.fatal, TransientError)
    assert there.server.operations().count("CreateItems") == 2
    assert len(there.items()) == 5


def test_a_token_that_is_refused_from_the_start_sends_nothing(there: Place) -> None:
    with MondayClient(there.server.url, SecretStr("wrong-token-1")) as client:
        report = write_board(client, BOARD, orders(2), progress=silent)
    assert column(report, "status") == ["skipped"] * 2
    assert column(report, "error_type") == ["fatal"] * 2
    assert "wrong-token-1" not in str(report)


def test_no_such_board_is_fatal(there: Place) -> None:
    report = there.write(orders(2), board=replace(BOARD, id="999"))
    assert "no board 999" in str(report.fatal)
    assert column(report, "error_type") == ["fatal"] * 2


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "key is missing"),
        ("order_ky", "did you mean 'order_key'"),
        ("qty", "is of type numbers"),
    ],
)
def test_a_board_needs_its_key_column(there: Place, key: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        there.write(orders(2), board=replace(BOARD, key=key))


def test_a_group_is_created_once_whatever_the_answers(there: Place) -> None:
    for upto in (None, 0):
        there.server.fail("bad-gateway", operation="CreateGroup", upto=upto)
    report = there.write(orders(3, group=["A", "B", "A"]))
    assert column(report, "status") == ["done"] * 3
    assert [group["title"] for group in there.store.groups("201")] == ["Items", "Later", "A", "B"]


def test_when_somebody_else_creates_the_group_both_use_the_first(there: Place) -> None:
    there.server.race = True
    there.write(orders(3, group="A"))
    assert [group["title"] for group in there.store.groups("201")][2:] == ["A", "A"]
    assert {item["group"]["id"] for item in there.items()} == {"group_2"}
    there.write(orders(6, group="A"))
    assert {item["group"]["id"] for item in there.items()} == {"group_2"}


def test_a_group_that_is_refused_fails_its_rows_alone(there: Place) -> None:
    there.server.fail("refused", operation="CreateGroup", upto=0)
    report = there.write(orders(3, group=["A", None, "B"]))
    assert column(report, "error_type") == ["rejected", None, None]
    assert "group 'A' was not created" in str(column(report, "message")[0])


def test_archived_groups_are_not_used(there: Place) -> None:
    there.store.connection.execute("update groups set archived = 1 where title = 'Items'")
    there.write(orders(2, group=["Items", None]))
    assert [item["group"]["id"] for item in there.items()] == ["group_2", "later"]


def test_an_answer_from_memory_about_items_that_are_gone_is_not_believed(there: Place) -> None:
    first = column(there.write(orders(2)), "item_id")
    for one in first:
        there.store.set_state(int(str(one)), "deleted")
    report = there.write(orders(2))
    assert column(report, "status") == ["done"] * 2
    assert [int(item["id"]) for item in there.items()] == column(report, "item_id") != first


def test_changes_back_and_forth_are_each_made(there: Place) -> None:
    for qty in (1, 2, 1, 2, 1):
        there.write(orders(1, qty=qty))
        [item] = there.items()
        assert there.cell(item, "qty")["text"] == str(qty)


def test_a_change_is_repeated_after_an_uncertain_answer(there: Place) -> None:
    there.write(orders(3, qty=1))
    there.server.fail("dropped", operation="ChangeItems", upto=1)
    report = there.write(orders(3, qty=2))
    assert column(report, "action") == ["updated"] * 3
    assert {there.cell(item, "qty")["text"] for item in there.items()} == {"2"}


def test_subitems_are_created_below_their_items_and_changed_where_they_differ(there: Place) -> None:
    first, second = column(there.write(orders(2)), "item_id")
    sizes = pl.DataFrame(
        {
            "key": ["PO-0/S", "PO-0/M", "PO-1/S"],
            "item_name": ["S", "M", "S"],
            "parent_item_id": [first, first, second],
            "order_qty": [5, 6, 7],
        }
    )
    there.server.fail("bad-gateway", operation="CreateSubitems")
    report = there.write(sizes, subitems=True)
    assert column(report, "action") == ["created"] * 3
    below = there.items("202")
    assert [item["parent_item"]["id"] for item in below] == [str(first), str(first), str(second)]
    assert there.keys("202") == ["PO-0/S", "PO-0/M", "PO-1/S"]
    packed = sizes.with_columns(packed_qty=pl.Series([0, 6, None]))
    assert column(there.write(packed, subitems=True), "action") == ["updated", "updated", "unchanged"]  # fmt: skip
    elsewhere = there.write(sizes.with_columns(parent_item_id=pl.lit(second)), subitems=True)
    assert column(elsewhere, "status") == ["failed", "failed", "done"]
    assert f"below item {first}" in str(column(elsewhere, "message")[0])


def test_a_subitem_without_its_parent_is_rejected(there: Place) -> None:
    sizes = orders(["a", "b"]).with_columns(
        parent_item_id=pl.Series([1, column(there.write(orders(1)), "item_id")[0]])
    )
    report = there.write(sizes, subitems=True)
    assert column(report, "error_type") == ["rejected", None]
    assert "there is no item 1" in str(column(report, "message")[0])


def test_no_payloads_are_no_requests_but_for_the_board(there: Place) -> None:
    report = there.write(orders(0))
    assert report.results.height == 0
    assert there.server.operations() == ["Target"]


def test_an_answer_of_an_unknown_shape_loses_no_result(there: Place) -> None:
    there.server.fail("no-board-data", operation="ItemsByKey", skip=0)
    report = there.write(orders(3))
    assert column(report, "status") == ["skipped"] * 3
    assert "unknown shape" in str(report.fatal)
    # The lookup after an uncertain answer, too: the items are there, and it says so.
    there.server.fail("bad-gateway", operation="CreateItems")
    there.server.fail("no-board-data", operation="ItemsByKey", skip=1)
    report = there.write(orders(7))
    assert column(report, "status") == ["failed"] * 5 + ["skipped"] * 2
    assert "the next write looks it up" in str(column(report, "message")[0])
    assert column(there.write(orders(7)), "status") == ["done"] * 7
    assert there.keys() == [f"PO-{index}" for index in range(7)]
