"""The bulk route: files of new items, and what is made of each way an import can end."""

from __future__ import annotations

import csv
import datetime as dt
import io
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from etl.errors import LoadError, TransientError
from tests.io.monday.writing import Place, orders, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.io.monday.conftest import Clock


@pytest.fixture
def there(clock: Clock) -> Iterator[Place]:
    with place(clock=clock) as found:
        found.options = replace(found.options, bulk_from=10)
        yield found


def statuses(report: object) -> list[str]:
    return report.results["status"].to_list()  # type: ignore[attr-defined,no-any-return]


def test_many_new_items_of_a_group_are_imported_as_a_file(there: Place, clock: Clock) -> None:
    payloads = orders(
        12,
        group="Spring",
        customer='Café "Lumière", 🌧️\nand sons',
        due_date=dt.date(2026, 3, 1),
        qty=1.5,
        state="Done",
        tags=[["woven", "knit"]] * 12,
        notes="a, b",
        run=[[dt.date(2026, 1, 1), dt.date(2026, 1, 9)]] * 11 + [None],
    )
    report = there.write(payloads)
    assert statuses(report) == ["done"] * 12
    assert report.results["action"].to_list() == ["created"] * 12
    assert report.notes == ("1 groups created: Spring",)
    assert "CreateItems" not in there.server.operations()
    assert clock.waits == [10.0, 10.0]
    items = there.items()
    assert [int(item["id"]) for item in items] == report.results["item_id"].to_list()
    assert {item["group"]["title"] for item in items} == {"Spring"}
    assert there.cell(items[0], "customer")["text"] == 'Café "Lumière", 🌧️\nand sons'
    assert there.cell(items[0], "run")["to"] == "2026-01-09"
    assert there.cell(items[11], "run")["to"] is None
    # What an import has written is what a request would have written: nothing differs.
    assert there.write(payloads).results["action"].unique().to_list() == ["unchanged"]


def test_the_file_names_the_columns_and_the_request_the_key(there: Place) -> None:
    there.write(orders(10, qty=2))
    [job] = there.imports.jobs.values()
    rows = list(csv.reader(io.StringIO(str(job.content))))
    assert rows[:2] == [["name", "order_key", "qty"], ["Linen PO-0", "PO-0", "2"]]
    assert job.match == {"match_column_id": "order_key", "behaviour": "UPSERT"}
    assert job.group == "topics"


def test_only_groups_that_are_large_enough_are_imported(there: Place) -> None:
    report = there.write(orders(15, group=["Big"] * 11 + ["Small"] * 4))
    assert statuses(report) == ["done"] * 15
    assert len(there.imports.jobs) == 1
    assert there.server.operations().count("CreateItems") == 1


def test_cells_that_an_import_does_not_take_go_in_requests_and_that_is_told(there: Place) -> None:
    report = there.write(orders(12, rush=True))
    assert statuses(report) == ["done"] * 12
    assert there.imports.jobs == {}
    assert any("12 new items were sent in requests" in note for note in report.notes)
    odd = orders([f"N-{index}" for index in range(12)], notes=["<NULL>", *["x"] * 11])
    told = there.write(odd)
    assert any("1 new items were sent in requests" in note for note in told.notes)
    assert len(there.imports.jobs) == 1
    assert {there.cell(item, "notes")["text"] for item in there.items()[12:]} == {"<NULL>", "x"}


def test_labels_that_do_not_exist_are_rejected_before_the_file_is_made(there: Place) -> None:
    report = there.write(orders(12, state=["Done"] * 11 + ["Dnoe"]))
    assert statuses(report) == ["done"] * 11 + ["failed"]
    [job] = there.imports.jobs.values()
    assert "Dnoe" not in str(job.content)


def test_rows_that_an_import_loses_are_told_by_row(there: Place) -> None:
    there.imports.lose_rows = frozenset({"Linen PO-3"})
    report = there.write(orders(12))
    assert statuses(report) == ["done"] * 3 + ["failed"] + ["done"] * 8
    lost = report.results.row(3, named=True)
    assert lost["error_type"] == "rejected"
    assert "created 11, failed 1" in lost["message"]
    assert report.fatal is None


@pytest.mark.parametrize(
    "uploads", [[(502, False)], [(502, True)], [(0, True)], [(0, False), (503, False)]]
)
def test_an_upload_without_an_answer_makes_no_item_twice(
    there: Place, uploads: list[tuple[int, bool]]
) -> None:
    there.imports.uploads = uploads
    report = there.write(orders(12))
    assert statuses(report) == ["done"] * 12
    assert sorted(there.keys()) == sorted(f"PO-{index}" for index in range(12))


@pytest.mark.parametrize("forgets", [False, True])
def test_a_start_without_an_answer_is_started_again(there: Place, forgets: bool) -> None:
    there.server.forgets = forgets
    there.server.fail("bad-gateway", operation="Ingest")
    assert statuses(there.write(orders(12))) == ["done"] * 12
    assert len(there.imports.jobs) == 1 + forgets
    assert len(there.items()) == 12


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("finished", [False, True])
def test_after_a_kill_the_import_that_is_under_way_is_waited_for(
    there: Place, finished: bool
) -> None:
    sleep = there.clock.sleep

    def dies(seconds: float) -> None:
        raise Killed

    there.clock.sleep = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        there.write(orders(12))
    there.clock.sleep = sleep  # type: ignore[method-assign]
    [job] = there.imports.jobs.values()
    assert job.content is not None
    assert there.items() == []
    if finished:
        there.imports.finish()
    report = there.write(orders(12))
    assert statuses(report) == ["done"] * 12
    assert report.results["action"].unique().to_list() == ["unchanged" if finished else "created"]
    assert len(there.imports.jobs) == 1
    assert sorted(there.keys()) == sorted(f"PO-{index}" for index in range(12))


def test_an_import_that_is_over_and_whose_items_are_gone_is_done_anew(there: Place) -> None:
    there.write(orders(12))
    with there.store.transaction():
        for item in there.items():
            there.store.set_state(int(item["id"]), "deleted")
    assert statuses(there.write(orders(12))) == ["done"] * 12
    assert len(there.items()) == 12


@pytest.mark.parametrize(
    ("reason", "kind", "fatal"),
    [
        ("INVALID_UPLOAD", "rejected", None),
        ("INTERNAL_ERROR", "retryable", TransientError),
        ("ACCOUNT_CAPACITY_EXCEEDED", "retryable", TransientError),
        ("PERMISSION_DENIED", "fatal", LoadError),
    ],
)
def test_an_import_that_fails_is_told_by_its_reason(
    there: Place, reason: str, kind: str, fatal: type[Exception] | None
) -> None:
    there.imports.outcome = {
        "status": "FAILED",
        "failure_reason": reason,
        "failure_message": "It did not work",
    }
    report = there.write(orders(12))
    assert statuses(report) == ["failed"] * 12
    assert report.results["error_type"].unique().to_list() == [kind]
    assert f"It did not work ({reason})" in report.results["message"][0]
    assert type(report.fatal) is (fatal or type(None))


def test_what_a_failed_import_has_made_counts(there: Place) -> None:
    there.imports.outcome = {"status": "FAILED", "failure_reason": "INTERNAL_ERROR"}

    def by_another(clock: Clock) -> None:
        with there.store.transaction():
            for index in range(5):
                there.store.create_item("201", None, "x", {"order_key": f"PO-{index}"})

    sleep = there.clock.sleep
    there.clock.sleep = lambda seconds: (sleep(seconds), there.items() or by_another(there.clock))  # type: ignore[method-assign,assignment,return-value]
    report = there.write(orders(12))
    assert statuses(report) == ["done"] * 5 + ["failed"] * 7


def test_the_token_and_the_signature_are_told_to_nobody(
    there: Place, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("etl", "httpx"):
        caplog.set_level(logging.DEBUG, logger=name)
    there.imports.uploads = [(403, False)]
    report = there.write(orders(12))
    assert statuses(report) == ["failed"] * 12
    assert "HTTP 403" in report.results["message"][0]
    assert "/v2" in caplog.text  # what httpx logs is seen here
    for text in (caplog.text, str(report), report.results.write_json()):
        assert "s3cr3t" not in text
        assert str(there.server.token) not in text


def test_a_write_after_an_import_that_was_cut_off_finds_what_is_there(there: Place) -> None:
    with there.store.transaction():
        for index in range(4):
            there.store.create_item("201", None, f"Linen PO-{index}", {"order_key": f"PO-{index}"})
    report = there.write(orders(16))
    assert statuses(report) == ["done"] * 16
    assert report.results["action"].to_list() == ["unchanged"] * 4 + ["created"] * 12
    assert len(there.items()) == 16


def test_a_large_frame_is_several_files(there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.io.monday._ingest._ROWS", 25)
    report = there.write(orders(60), lookup=1000)
    assert statuses(report) == ["done"] * 60
    assert [str(job.content).count("\n") - 1 for job in there.imports.jobs.values()] == [25, 25, 10]
    monkeypatch.setattr("etl.io.monday._ingest._BYTES", 500)
    there.write(orders([f"B-{index}" for index in range(20)]))
    assert max(len(str(job.content)) for job in there.imports.jobs.values()) < 1000
    assert pl.Series(there.keys()).is_unique().all()
