"""Rows set aside can be seen, loaded after a fix, and let go; none is lost and none is doubled."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from etl.cli import app
from etl.config import Config, load_config, reset_config
from etl.contracts.row_json import rows_as_json, rows_from_json
from etl.errors import ContractError, LoadError, TransientError
from etl.io import db_helper as db
from etl.io.databases import close_databases
from etl.jobs.base import Job, SetAside, Table
from etl.runner import discard, execute, quarantined, replay
from etl.runner._alone import alone
from etl.testing import texts
from tests.databases import ENGINES, settings_of, url_of
from tests.jobs.frames import FrameReader, Items, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)


class Wider(dy.Schema):
    """Items, after the fix: names may be longer."""

    id = dy.Int64(primary_key=True)
    name = dy.String(nullable=True, max_length=20)


def job(frame: pl.DataFrame, contract: type[dy.Schema], table: str = "t", **more: Any) -> Job:
    output = Table("test", table, contract=contract, mode="upsert")
    return Job(
        name=f"job-{table}",
        inputs={"items": FrameReader(frame)},
        transform=lambda items: items,
        outputs={"items": output},
        **more,
    )


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config.yaml"
    file.write_text("databases: {test: {url: 'sqlite:///data/test.db'}}", encoding="utf-8")
    yield load_config(file)
    close_databases()


def table(config: Config, name: str = "t") -> list[tuple[Any, ...]]:
    return sorted(db.read_frame(name, config.database("test")).rows())


FIRST = rows((1, "a"), (2, "too long"), (3, "much too long"), (4, "far too long for anybody"))


class TestReplay:
    def test_what_keeps_the_contract_by_now_is_loaded(self, config: Config) -> None:
        execute(job(FIRST, Items), config, run_id="r1", now=DAY)
        db.execute("drop table t", config.database("test"))  # its column was short as well
        execute(job(rows((1, "a")), Wider), config, run_id="r2")
        [result] = replay(config, job(FIRST, Wider))
        assert (result.loaded, result.superseded, result.aside) == (2, 0, 1)
        assert table(config) == [(1, "a"), (2, "too long"), (3, "much too long")]
        [left] = quarantined(config, [job(FIRST, Wider)]).rows(named=True)
        assert (left["reason"], left["run_id"], left["time"]) == ("name: longer than 20", "r1", DAY)
        assert json.loads(left["row"]) == {"id": 4, "name": "far too long for anybody"}
        [again] = replay(config, job(FIRST, Wider))
        assert (again.loaded, again.aside) == (0, 1)

    def test_a_row_that_came_right_meanwhile_stays(self, config: Config) -> None:
        execute(job(rows((1, "much too long")), Items), config)
        db.execute("drop table t", config.database("test"))
        execute(job(rows((1, "newer")), Wider), config)
        [result] = replay(config, job(FIRST, Wider))
        assert (result.loaded, result.superseded, result.aside) == (0, 1, 0)
        assert table(config) == [(1, "newer")]
        assert quarantined(config, [job(FIRST, Wider)]).is_empty()

    def test_repetitions_count_once(self, config: Config) -> None:
        for run in ("r1", "r2", "r3"):
            execute(job(FIRST, Items), config, run_id=run)
        found = quarantined(config, [job(FIRST, Items)])
        assert found.height == 3
        assert set(found["times"]) == {3}
        assert set(found["run_id"]) == {"r3"}
        replay(config, job(FIRST, Items))
        assert set(quarantined(config, [job(FIRST, Items)])["times"]) == {1}

    def test_rows_that_the_transform_turned_away_are_for_a_run(self, config: Config) -> None:
        turned = Job(
            name="job-t",
            inputs={"items": FrameReader(FIRST)},
            transform=lambda items: {
                "items": items.head(1),
                "no": items.tail(3).select(reason=pl.lit("no"), ORDER="id"),
            },
            outputs={"items": Table("test", "t", contract=Items), "no": SetAside("items")},
        )
        execute(turned, config)
        [result] = replay(config, turned)
        assert (result.loaded, result.aside, result.from_the_source) == (0, 0, 3)
        assert quarantined(config, [turned])["reason"].to_list() == ["no"] * 3

    def test_a_refused_load_leaves_all_as_it_was(self, config: Config) -> None:
        execute(job(FIRST, Items), config)
        before = quarantined(config, [job(FIRST, Items)])
        with pytest.raises(ContractError, match="name"):  # the column is still VARCHAR(5)
            replay(config, job(FIRST, Wider))
        assert quarantined(config, [job(FIRST, Items)]).equals(before)
        assert table(config) == [(1, "a")]

    def test_not_while_the_job_runs(self, config: Config) -> None:
        execute(job(FIRST, Items), config)
        for act in (replay, discard):
            with (
                alone("job-t", [config.database("test")], wait=0),
                pytest.raises(TransientError, match="job-t"),
            ):
                act(config, job(FIRST, Items))

    @settings(max_examples=15)
    @given(
        names=st.lists(st.one_of(st.none(), texts(30)), max_size=8),
        there=st.lists(st.integers(0, 7), max_size=4, unique=True),
    )
    def test_every_row_is_somewhere_once(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        names: list[str | None],
        there: list[int],
    ) -> None:
        file = tmp_path_factory.mktemp("q") / "config.yaml"
        file.write_text("databases: {test: {url: 'sqlite:///test.db'}}", encoding="utf-8")
        config = load_config(file)
        frame = rows(*enumerate(names))
        execute(job(frame, Items), config)
        aside = quarantined(config, [job(frame, Items)])
        with suppress(LoadError):
            db.execute("drop table t", config.database("test"))
        execute(job(rows(*((at, "x") for at in there)), Wider), config)
        results = replay(config, job(frame, Wider))
        left = quarantined(config, [job(frame, Wider)])
        assert sum(r.loaded + r.superseded + r.aside for r in results) == aside.height
        assert left.height == sum(r.aside for r in results)
        kept = {json.loads(row)["id"] for row in left["row"]}
        loaded = {key for key, _ in table(config)} if db.table_columns("t", config.database("test")) else set()  # fmt: skip
        was_aside = {json.loads(row)["id"] for row in aside["row"]}
        assert loaded | kept == was_aside | set(there)
        close_databases()


@pytest.mark.parametrize("database", ENGINES)
def test_on_every_engine(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of(database, tmp_path)  # skips where there is no such server
    monkeypatch.setenv("Q_URL", url_of(database))
    (tmp_path / "config.yaml").write_text("databases: {test: {url: '${Q_URL}'}}", encoding="utf-8")
    config = load_config(tmp_path / "config.yaml")
    name = f"q_{tmp_path.name.replace('-', '_')}"[-30:]
    try:
        execute(job(FIRST, Items, name), config)
        db.execute(f"drop table {name}", config.database("test"))
        execute(job(rows((1, "a")), Wider, name), config)
        [result] = replay(config, job(FIRST, Wider, name))
        assert (result.loaded, result.aside) == (2, 1)
        assert discard(config, job(FIRST, Wider, name)) == 1
        assert quarantined(config, [job(FIRST, Wider, name)]).is_empty()
    finally:
        with suppress(LoadError):
            db.execute(f"drop table {name}", config.database("test"))


def test_a_row_as_json_can_be_read_back() -> None:
    frame = pl.DataFrame(
        {
            "n": [1, None],
            "big": [2**62, 1],
            "price": [Decimal("1.50"), None],
            "day": [dt.date(2024, 2, 29), None],
            "at": [DAY, None],
            "yes": [True, False],
            "$odd": ["{", None],
        }
    )
    back = rows_from_json(rows_as_json(frame))
    assert back.columns == frame.columns
    assert back.row(0) == (1, 2**62, "1.50", "2024-02-29", "2026-11-02T06:00:00Z", True, "{")
    mixed = rows_from_json(['{"a": 1}', '{"a": "x"}', '{"b": [1]}', f'{{"a": {2**70}}}'])
    assert mixed["a"].to_list() == ["1", "x", None, str(2**70)]
    assert mixed["b"].to_list() == [None, None, "[1]", None]


class TestCommand:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "config.yaml").write_text(
            "databases: {orders: {url: 'sqlite:///orders.db'}}\n"
            "apis: {monday: {sample: true, boards: {planning: {id: 1}}}}",
            encoding="utf-8",
        )
        reset_config()
        yield
        close_databases()
        reset_config()

    def invoke(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, ["quarantine", *arguments])

    def test_shown_replayed_and_let_go(self) -> None:
        assert self.invoke("board-planning").output == "no rows are set aside\n"
        assert CliRunner().invoke(app, ["run", "board-planning"]).exit_code == 0
        shown = self.invoke("board-planning")
        assert shown.exit_code == 0
        assert "cut_qty: '12 pcs' is not a whole number" in shown.output
        assert '"cut_qty": "12 pcs"' in shown.output or '"item_id": 7100000959' in shown.output
        replayed = self.invoke("board-planning", "--replay")
        assert replayed.output == "dbo.board_planning in orders: 0 rows loaded, 1 still set aside\n"
        assert self.invoke("board-planning", "--discard").output == "1 row let go\n"
        assert self.invoke("board-planning", "--discard").output == "no rows are set aside\n"

    def test_wrong_use(self) -> None:
        both = self.invoke("board-planning", "--replay", "--discard")
        assert (both.exit_code, "choose one" in both.output) == (2, True)
        assert self.invoke("bord-planning").exit_code == 2
