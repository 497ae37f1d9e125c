"""The sample board that can be written: through the same client, kept in a file."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from etl.config import load_config
from etl.errors import ConfigError, EtlError, SourceError
from etl.io.monday.board_store import BoardStore
from etl.io.monday.reader import MondayItems, MondaySubitems
from etl.io.monday.writer import MondayBoard
from etl.io.sink import WriteContext
from etl.io.source import ReadContext
from tests.documents import ROOT
from tests.io.monday.writing import orders, sizes
from tests.monday_server import MondayServer
from tests.monday_server.boards import writable_boards

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config import Config


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name in ("MONDAY_API_TOKEN", "MONDAY_API_URL", "ETL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())
    return load_config(tmp_path / "config.yaml")


def test_what_is_written_is_read_again(config: Config) -> None:
    context = WriteContext(config=config)
    payloads = orders(1200, group="Café SS26", due_date=dt.date(2026, 2, 3), total_qty=40)
    report = MondayBoard(board="schedule").write(payloads, context)
    assert report.results["action"].unique().to_list() == ["created"]
    assert "sample board in" in report.notes[0]
    read = MondayItems(board="schedule").read(ReadContext(config=config)).frame
    assert read["order_key"].to_list() == payloads["key"].to_list()
    assert read.select("item_id", "total_qty", "due_date", "group_title").row(0) == (
        report.results["item_id"][0], 40.0, dt.date(2026, 2, 3), "Café SS26",
    )  # fmt: skip
    again = MondayBoard(board="schedule").write(payloads, context)
    assert again.results["action"].unique().to_list() == ["unchanged"]


def test_subitems_come_with_their_parents(config: Config) -> None:
    context = WriteContext(config=config)
    items = MondayBoard(board="schedule").write(orders(3), context).results
    sizes = items.join(pl.DataFrame({"size": ["S", "M"]}), how="cross").select(
        key=pl.col("key") + "/" + pl.col("size"),
        item_name="size",
        parent_item_id="item_id",
        size="size",
        order_qty=pl.lit(7),
    )
    target = MondayBoard(board="schedule", subitems=True)
    assert target.write(sizes, context).results["status"].unique().to_list() == ["done"]
    read = MondaySubitems(board="schedule").read(ReadContext(config=config)).frame
    assert read.columns[:3] == ["parent_item_id", "item_id", "item_name"]
    expected = sizes.select("parent_item_id", pl.col("key").alias("size_key"), "size")
    assert read.select("parent_item_id", "size_key", "size").equals(expected)
    limited = MondaySubitems(board="schedule").read(ReadContext(config=config, limit=2))
    assert limited.frame.height == 2


def test_an_empty_board_is_an_error_unless_it_is_allowed(config: Config) -> None:
    for reader in (MondayItems(board="schedule"), MondaySubitems(board="schedule")):
        with pytest.raises(SourceError, match="has no"):
            reader.read(ReadContext(config=config))
        assert reader.read(ReadContext(config=config, allow_empty=True)).frame.height == 0


def test_the_generated_board_is_only_read(config: Config) -> None:
    with pytest.raises(ConfigError, match="is only read"):
        MondayBoard(board="planning").write(orders(1), WriteContext(config=config))
    with pytest.raises(ConfigError, match=r"boards\.planning\.subitems is missing"):
        MondaySubitems(board="planning").read(ReadContext(config=config))
    with pytest.raises(ConfigError, match=r"boards\.planning\.subitems is missing"):
        MondayBoard(board="planning", subitems=True).plan(orders(1), WriteContext(config=config))


def test_a_file_that_is_none_is_told(config: Config) -> None:
    file = config.path.parent / "data" / "sample_board.db"
    file.parent.mkdir()
    file.write_bytes(b"no database at all, and more than a page of it" * 100)
    with pytest.raises(EtlError, match=r"sample_board\.db can't be opened.*delete the file"):
        MondayBoard(board="schedule").write(orders(1), WriteContext(config=config))


def test_refused_rows_are_told_like_mondays(config: Config) -> None:
    sizes = orders(["a"]).with_columns(parent_item_id=pl.lit(1))
    report = MondayBoard(board="schedule", subitems=True).write(sizes, WriteContext(config=config))
    assert report.results["error_type"].to_list() == ["rejected"]
    assert "there is no item 1" in report.results["message"][0]


def test_a_request_that_is_cut_off_leaves_nothing(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, made = BoardStore.create_item, 0

    def dies(*arguments: Any, **more: Any) -> int:
        nonlocal made
        made += 1
        if made == 3:
            raise KeyboardInterrupt
        return create(*arguments, **more)

    monkeypatch.setattr(BoardStore, "create_item", dies)
    with pytest.raises(KeyboardInterrupt):
        MondayBoard(board="schedule").write(orders(5), WriteContext(config=config))
    monkeypatch.setattr(BoardStore, "create_item", create)
    context = ReadContext(config=config, allow_empty=True)
    assert MondayItems(board="schedule").read(context).frame.is_empty()


def test_the_same_declarations_write_to_a_server(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="etl")
    store = BoardStore(":memory:")
    writable_boards(store, config.path)
    with MondayServer(store=store) as server:
        monkeypatch.setenv("MONDAY_API_URL", server.url)
        monkeypatch.setenv("MONDAY_API_TOKEN", str(server.token))
        context = WriteContext(config=config, run_id="run-7")
        items = MondayBoard(board="schedule").write(orders(3, total_qty=5), context)
        assert (items.notes, items.fatal) == ((), None)
        target = MondayBoard(board="schedule", subitems=True)
        below = target.write(sizes(items.results), context)
        assert below.results["status"].to_list() == ["done"] * 6
        read = MondaySubitems(board="schedule").read(ReadContext(config=config)).frame
        assert read["parent_item_id"].unique().sort().equals(items.results["item_id"].rename("parent_item_id"))  # fmt: skip
    store.close()
    assert not (config.path.parent / "data").exists()
    assert 'run run-7, subitems of the monday board "schedule": 6 done' in caplog.messages
