"""Runs of several steps: a commit for each, calls whose results are never lost, files, rows set aside."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config import Config, load_config
from etl.contracts.bookkeeping import QUARANTINE_TABLE
from etl.errors import ConfigError, ContractError, LoadError, SourceError
from etl.io import db_helper as db
from etl.io.files import SinkReport
from etl.io.source import ReadContext
from etl.io.tables import TableRows, TableSource
from etl.jobs.base import Call, Job, Notes, Pipeline, SetAside, Table
from etl.runner import execute, history
from tests.jobs.board import DictBoard
from tests.jobs.frames import FrameReader, Items, rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.io.sink import WriteContext

WORK = rows(*((number, f"i{number}") for number in range(1, 8)))


class Done(dy.Schema):
    """What a call has done."""

    id = dy.Int64(primary_key=True)
    item_id = dy.Int64(nullable=True)
    message = dy.String(nullable=True)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config.yaml"
    file.write_text("databases: {test: {url: 'sqlite:///data/test.db'}}", encoding="utf-8")
    return load_config(file)


def table(config: Config, name: str) -> list[tuple[Any, ...]]:
    return sorted(db.read_frame(name, config.database("test")).rows())


def open_work(work: pl.DataFrame, done: pl.DataFrame) -> pl.DataFrame:
    return work.join(done, on="id", how="anti").sort("id")


def calling(board: DictBoard, *, repeat: bool = False, batch: int = 3) -> Job:
    """Rows of work, at most ``batch`` at a time, to a board and into the table ``done``."""

    def payloads(work: pl.DataFrame, done: pl.DataFrame) -> pl.DataFrame:
        rest = open_work(work, done)
        return rest.head(batch).select(key=pl.col("name"), item_name=pl.col("name"))

    def transform(work: pl.DataFrame, done: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
        told = results.filter(pl.col("status") != "skipped")
        return work.join(told, left_on="name", right_on="key").select("id", "item_id", "message")

    return Job(
        name="call",
        inputs={
            "work": FrameReader(WORK),
            "done": TableRows(database="test", table="done", contract=Done),
        },
        call=Call(payloads, board),
        transform=transform,
        outputs={"done": Table("test", "done", contract=Done, mode="upsert")},
        repeat=repeat,
    )


class TestCall:
    def test_results_reach_the_transform(self, config: Config) -> None:
        board = DictBoard(refused=("i2",))
        result = execute(calling(board), config)
        assert result.exception is None
        assert table(config, "done") == [(1, 1, None), (2, None, "no 'i2' here"), (3, 2, None)]
        [call] = result.calls
        assert (call.target, call.created, call.failed) == ("a dict", 2, 1)
        assert [(reason.reason, reason.rows) for reason in call.reasons] == [("no 'i2' here", 1)]
        assert result.notes == ("told by the board",)
        assert json.loads(json.dumps(result.as_dict()["calls"][0]))["created"] == 2

    def test_a_dry_run_plans(self, config: Config) -> None:
        board = DictBoard()
        result = execute(calling(board, repeat=True), config, dry_run=True)
        assert (board.writes, board.items) == ([], {})
        assert (result.calls[0].created, result.outputs[0].changes.inserted) == (3, 0)
        assert not (config.path.parent / "data").exists()

    def test_repeats_until_nothing_is_left(self, config: Config) -> None:
        board = DictBoard()
        result = execute(calling(board, repeat=True), config)
        assert result.exception is None
        assert [len(keys) for keys in board.writes] == [3, 3, 1]
        assert (result.rows_written, result.calls[0].created) == (7, 7)
        assert result.outputs[0].changes.inserted == 7
        assert history(config, ["test"])["status"].to_list() == ["done"]
        again = execute(calling(board, repeat=True), config)
        assert (again.status, again.rows_written, len(board.writes)) == ("done", 0, 3)

    def test_a_fatal_answer_is_raised_after_the_results_are_kept(self, config: Config) -> None:
        board = DictBoard(fatal=SourceError("the token is refused"), fatal_after=2)
        result = execute(calling(board, repeat=True), config)
        assert (result.status, result.error) == ("failed", "the token is refused")
        assert table(config, "done") == [(1, 1, None), (2, 2, None)]
        assert (result.rows_written, result.calls[0].skipped) == (2, 1)
        [logged] = history(config, ["test"]).rows(named=True)
        assert (logged["status"], logged["error"]) == ("failed", "the token is refused")
        board.fatal = None
        assert execute(calling(board, repeat=True), config).status == "done"
        assert board.items == {f"i{number}": number for number in range(1, 8)}

    def test_a_fatal_answer_goes_before_what_follows_from_it(self, config: Config) -> None:
        board = DictBoard(fatal=SourceError("the token is refused"))
        job = calling(board)
        broken = Job(**{**vars(job), "transform": lambda work, done, results: work})
        assert execute(broken, config).error == "the token is refused"

    def test_payloads_that_come_again_are_an_error_not_a_loop(self, config: Config) -> None:
        job = calling(DictBoard(), repeat=True)
        stuck = Job(**{**vars(job), "transform": lambda work, done, results: done})
        result = execute(stuck, config)
        assert "call: the same 3 payloads came up twice" in str(result.error)

    @given(batch=st.integers(1, 8), stops=st.lists(st.integers(0, 3), max_size=3))
    def test_stopped_anywhere_every_row_is_there_once(
        self, tmp_path_factory: pytest.TempPathFactory, batch: int, stops: list[int]
    ) -> None:
        file = tmp_path_factory.mktemp("run") / "config.yaml"
        file.write_text("databases: {test: {url: 'sqlite:///test.db'}}", encoding="utf-8")
        config = load_config(file)
        board = DictBoard()
        for stop in stops:
            board.fatal, board.fatal_after = SourceError("stop"), stop
            execute(calling(board, repeat=True, batch=batch), config)
        board.fatal = None
        assert execute(calling(board, repeat=True, batch=batch), config).exception is None
        assert table(config, "done") == [(number, number, None) for number in range(1, 8)]
        assert len(board.items) == 7


def copying(name: str, source: str, target: str) -> Job:
    return Job(
        name=name,
        inputs={"items": TableRows(database="test", table=source, contract=Items)},
        transform=lambda items: items,
        outputs={"items": Table("test", target, contract=Items, mode="upsert")},
    )


def filling(frame: pl.DataFrame = WORK) -> Job:
    return Job(
        name="fill",
        inputs={"items": FrameReader(frame)},
        transform=lambda items: items,
        outputs={"items": Table("test", "a", contract=Items, mode="upsert")},
    )


class TestPipeline:
    def test_a_step_reads_what_the_one_before_committed(self, config: Config) -> None:
        job = Pipeline(name="p", steps=(filling(), copying("b", "a", "b"), copying("c", "b", "c")))
        result = execute(job, config, run_id="r")
        assert (result.status, result.rows_read, result.rows_written) == ("done", 7, 21)
        assert table(config, "c") == sorted(WORK.rows())
        [logged] = history(config, ["test"]).rows(named=True)
        assert (logged["job"], logged["run_id"], logged["rows_written"]) == ("p", "r", 21)
        assert execute(job, config).rows_written == 0

    def test_what_a_failed_step_leaves(self, config: Config) -> None:
        def fail(items: pl.DataFrame) -> pl.DataFrame:
            raise ContractError("step two is broken")

        broken = Job(**{**vars(copying("b", "a", "b")), "transform": fail})
        result = execute(
            Pipeline(name="p", steps=(filling(), broken, copying("c", "a", "c"))), config
        )
        assert (result.status, result.error) == ("failed", "step two is broken")
        assert result.rows_written == 7
        assert table(config, "a") == sorted(WORK.rows())
        assert db.table_columns("c", config.database("test")) is None
        assert history(config, ["test"])["status"].to_list() == ["failed"]

    def test_one_step_alone(self, config: Config) -> None:
        job = Pipeline(name="p", steps=(filling(), copying("b", "a", "b"), copying("c", "a", "c")))
        assert execute(job, config, steps=["c", "fill"]).rows_written == 14
        assert db.table_columns("b", config.database("test")) is None
        with pytest.raises(ConfigError, match="job p has no step x; it has fill, b, c"):
            execute(job, config, steps=["x"])
        with pytest.raises(ConfigError, match="job fill has no steps"):
            execute(filling(), config, steps=["fill"])

    @pytest.mark.parametrize("steps", [(), (filling(), filling())])
    def test_steps_have_names_of_their_own(self, steps: tuple[Job, ...]) -> None:
        with pytest.raises(ConfigError, match="a pipeline has steps, each with a name of its own"):
            Pipeline(name="p", steps=steps)

    def test_a_table_of_work_may_be_emptied(self, config: Config) -> None:
        def job(frame: pl.DataFrame, *, may_be_empty: bool) -> Job:
            output = Table("test", "a", contract=Items, mode="sync", may_be_empty=may_be_empty)
            return Job(**{**vars(filling(frame)), "outputs": {"items": output}})

        execute(job(WORK, may_be_empty=True), config)
        assert "--allow-empty" in str(execute(job(WORK.clear(), may_be_empty=False), config).error)
        assert execute(job(WORK.clear(), may_be_empty=True), config).status == "done"
        assert table(config, "a") == []


class TestSetAside:
    def job(self, **outputs: Any) -> Job:
        def transform(items: pl.DataFrame) -> dict[str, pl.DataFrame]:
            odd = pl.col("id") % 2 == 1
            return {
                "items": items.filter(~odd),
                "odd": items.filter(odd).select(reason=pl.format("{} is odd", "id"), id="id"),
                "told": pl.DataFrame({"note": ["halved"]}),
            }

        table = Table("test", "a", contract=Items)
        return Job(
            name="aside",
            inputs={"items": FrameReader(rows((1, "a"), (2, "b"), (3, "c"), (4, "too long")))},
            transform=transform,
            outputs={"items": table, "odd": SetAside("items"), "told": Notes(), **outputs},
        )

    def test_is_kept_with_its_reason(self, config: Config) -> None:
        result = execute(self.job(), config)
        assert (result.rows_written, result.rows_quarantined) == (1, 3)
        assert result.notes == ("halved",)
        kept = db.read_frame(QUARANTINE_TABLE, config.database("test"))
        assert kept["reason"].to_list() == ["1 is odd", "3 is odd", "name: longer than 5"]
        assert kept["row"].to_list()[0] == '{"id": 1}'
        assert set(kept["table_name"]) == {"a"}

    def test_counts_for_strict(self, config: Config) -> None:
        assert "1 is odd" in str(execute(self.job(), config, strict=True).error)
        assert db.table_columns("a", config.database("test")) is None

    def test_belongs_to_a_table(self) -> None:
        with pytest.raises(ConfigError, match="set aside from 'x', which is none of the tables"):
            self.job(odd=SetAside("x"))


@dataclass
class TextFiles:
    """A file a frame, one row a line; ``fail`` is a full disk."""

    fail: bool = False
    seen: list[str] = field(default_factory=list)

    def write(self, frames: Mapping[str, pl.DataFrame], context: WriteContext) -> SinkReport:
        if self.fail:
            raise LoadError("no space left")
        written, unchanged = [], []
        for name, frame in frames.items():
            path = context.config.path.parent / f"{name}.txt"
            text = "\n".join(map(str, frame.rows()))
            same = path.exists() and path.read_text(encoding="utf-8") == text
            path.write_text(text, encoding="utf-8")
            (unchanged if same else written).append(path)
        return SinkReport(written=tuple(written), unchanged=tuple(unchanged))

    def describe(self) -> str:
        return "text files"


class TestFiles:
    def job(self, sink: TextFiles, **outputs: Table) -> Job:
        def transform(items: pl.DataFrame) -> dict[str, Any]:
            given = {"files": {"one": items.head(1), "all": items}}
            return {**given, **dict.fromkeys(outputs, items)}

        source = TableRows(database="test", table="a", contract=Items)
        return Job(
            name="files",
            inputs={"items": source},
            transform=transform,
            outputs={"files": sink, **outputs},
        )

    def test_are_made_once(self, config: Config) -> None:
        execute(filling(), config)
        result = execute(self.job(TextFiles()), config)
        assert (result.exception, len(result.files)) == (None, 2)
        assert (config.path.parent / "one.txt").read_text(encoding="utf-8") == "(1, 'i1')"
        again = execute(self.job(TextFiles()), config)
        assert (again.files, again.notes) == ((), ("2 files had nothing new: left as they were",))
        # The run is logged where the job reads.
        assert history(config, ["test"], job="files")["status"].to_list() == ["done", "done"]

    def test_a_dry_run_makes_none(self, config: Config) -> None:
        execute(filling(), config)
        assert execute(self.job(TextFiles()), config, dry_run=True).files == ()
        assert not (config.path.parent / "one.txt").exists()

    def test_a_file_that_fails_fails_the_tables_with_it(self, config: Config) -> None:
        execute(filling(), config)
        copy = Table("test", "b", contract=Items)
        result = execute(self.job(TextFiles(fail=True), copy=copy), config)
        assert (result.status, result.rows_written, result.outputs) == ("failed", 0, ())
        assert db.table_columns("b", config.database("test")) is None


class TestSample:
    def job(self) -> Job:
        def transform(items: pl.DataFrame, sample: int | None) -> pl.DataFrame:
            return items.sort("id").head(sample or items.height)

        return Job(**{**vars(filling()), "transform": transform, "sample": 2})

    def test_the_jobs_own_number_and_the_runs(self, config: Config) -> None:
        assert execute(self.job(), config).rows_written == 2
        assert execute(self.job(), config, sample=5).rows_written == 3
        with pytest.raises(ConfigError, match="--sample must be at least 1"):
            execute(self.job(), config, sample=0)
        with pytest.raises(ConfigError, match="job fill takes no --sample"):
            execute(filling(), config, sample=5)


class TestTableSource:
    def read(self, config: Config, **options: Any) -> pl.DataFrame:
        context = ReadContext(
            config=config,
            limit=options.pop("limit", None),
            allow_empty=options.pop("allow_empty", False),
        )
        source = TableSource(database="test", table="a", contract=Items, **options)
        return source.read(context).frame

    def test_what_is_missing_is_told(self, config: Config) -> None:
        with pytest.raises(SourceError, match=r"table a in test is not there.*etl samples"):
            self.read(config)
        assert not (config.path.parent / "data").exists()
        frame = pl.DataFrame({"id": [1], "label": ["x"]})
        db.write_frame(frame, "a", config.database("test"))
        with pytest.raises(SourceError, match="lacks the columns name; it has id, label: were"):
            self.read(config)

    def test_columns_and_rows(self, config: Config) -> None:
        frame = pl.DataFrame(
            {"more": [True, False], "id": [1, 2], "XS": [3, 4], "name": ["a", "b"]}
        )
        db.write_frame(frame, "a", config.database("test"))
        assert self.read(config).equals(rows((1, "a"), (2, "b")))
        assert self.read(config, other_columns=True).columns == ["more", "id", "XS", "name"]
        assert self.read(config, limit=1).height == 1

    def test_no_rows(self, config: Config) -> None:
        db.write_frame(Items.create_empty(), "a", config.database("test"), contract=Items)
        with pytest.raises(SourceError, match="table a in test has no rows"):
            self.read(config)
        assert self.read(config, allow_empty=True).is_empty()
