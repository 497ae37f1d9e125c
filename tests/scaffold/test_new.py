"""``etl new``: a board or a table becomes a job that runs and whose test is green, or nothing does."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from etl.cli import app
from tests.monday_server import MondayServer, PeerBoard
from tests.scaffold.tree import SETTINGS, Tree

if TYPE_CHECKING:
    from pathlib import Path

# Names that Python, ruff, SQL or dataframely could stumble over.
ODD_TABLE = """
create table "order lines" (
  "Order No." integer not null, "line" smallint not null, "class" varchar(10), "filter" text,
  "Größe" decimal(9, 2), "2nd" date, "shipAt" datetime, "a'b" varchar(5), "a""b" blob,
  "columns" boolean not null, "orderQty" unsigned tinyint,
  primary key ("Order No.", "line"))
"""
ODD_ROWS = [
    (1, 1, "x", "y", 12.5, "2024-02-29", "2024-02-29 10:00:00.000000", "q", b"1", 1, 7),
    (1, 2, None, None, None, None, None, None, None, 0, None),
]


def made(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree with a job of the sample board and one of an odd table."""
    tree = Tree.copied(tmp_path_factory.mktemp("tree"))
    (tree.root / "data").mkdir()
    with closing(sqlite3.connect(tree.root / "data" / "warehouse.db")) as connection, connection:
        connection.execute(ODD_TABLE)
        connection.executemany(f"insert into \"order lines\" values ({','.join('?' * 11)})", ODD_ROWS)  # fmt: skip
    made(tree.etl("new", "made-job", "--yes"))
    made(
        tree.etl(
            "new",
            "odd-lines",
            "--from-table",
            'warehouse."order lines"',
            "--to",
            "distribution.dbo.odd_lines",
            "--mode",
            "sync",
            "--schedule",
            "0 4 * * *",
            "--description",
            'Lines: "all" of them',
        )
    )
    return tree


class TestMade:
    def test_the_board_is_loaded(self, tree: Tree) -> None:
        assert "500 inserted" in made(tree.etl("run", "made-job"))
        with closing(sqlite3.connect(tree.root / "data" / "orders.db")) as connection:
            found = connection.execute("select count(*), count(distinct item_name) from made_job")
            rows, names = found.fetchone()
        assert rows == 500
        assert names > 10

    def test_the_table_is_loaded_as_it_is(self, tree: Tree) -> None:
        made(tree.etl("run", "odd-lines"))
        assert "0 inserted" in made(tree.etl("run", "odd-lines"))  # sync: nothing has changed
        with closing(sqlite3.connect(tree.root / "data" / "distribution.db")) as connection:
            columns = connection.execute("pragma table_info(odd_lines)").fetchall()
            rows = connection.execute("select * from odd_lines order by 1, 2").fetchall()
        with closing(sqlite3.connect(tree.root / "data" / "warehouse.db")) as connection:
            source = connection.execute("pragma table_info('order lines')").fetchall()
        assert rows == ODD_ROWS
        keyed = [(name, bool(notnull), bool(pk)) for _, name, _, notnull, _, pk in columns]
        assert keyed == [(name, bool(notnull), bool(pk)) for _, name, _, notnull, _, pk in source]
        lengths = {name: kind for _, name, kind, *_ in columns}
        assert (lengths["class"], lengths["Größe"]) == ("VARCHAR(10)", "DECIMAL(9, 2)")

    def test_its_tests_are_green(self, tree: Tree) -> None:
        tests = ["tests/jobs/test_made_job.py", "tests/jobs/test_odd_lines.py"]
        made(tree.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--engines=polars,duckdb,pandas-numpy", *tests))  # fmt: skip

    def test_all_that_was_made_passes_the_checks_of_style_and_types(self, tree: Tree) -> None:
        made(tree.run("-m", "ruff", "check", "--no-cache", "."))
        made(tree.run("-m", "ruff", "format", "--no-cache", "--check", "."))
        parts = [f"etl/{part}/{name}.py" for part in ("contracts", "transforms", "jobs") for name in ("made_job", "odd_lines")]  # fmt: skip
        made(tree.run("-m", "mypy", "--cache-dir", str(tree.root / ".mypy_cache"), *parts))

    def test_flows_and_documents_are_still_true(self, tree: Tree) -> None:
        assert made(tree.etl("flows", "diff")).strip() == "no difference"
        documents = ["tests/test_docs.py", "-k", "generated or link"]
        made(tree.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *documents))
        text = (tree.root / "docs" / "jobs.md").read_text(encoding="utf-8")
        assert "\n| `odd-lines` | `0 4 * * *` | Lines: ’all’ of them. |\n" in text
        assert text.index("\n## made-job\n") < text.index("\n## A new job\n")

    def test_its_notebook_runs(self, tree: Tree) -> None:
        nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
        book = nbformat.read(tree.root / "notebooks" / "made_job.ipynb", as_version=4)
        nbformat.validate(book)
        code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
        assert (
            nbclient
        )  # the cells themselves are run without a kernel, which takes seconds to start
        made(tree.run("-c", code))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree that nothing is made in."""
    return Tree.copied(tmp_path_factory.mktemp("bare"))


def test_a_board_of_a_server_by_its_number(tmp_path: Path) -> None:
    tree = Tree.copied(tmp_path)
    board = PeerBoard.sample(30, id="7700000001")
    with MondayServer([board]) as server:
        at = {"MONDAY_API_URL": server.url, "MONDAY_API_TOKEN": str(server.token)}
        told = made(tree.etl("new", "made-job", "--from-board", "7700000001", **at))
        assert "columns of the board 7700000001, key item_id" in told
        done = json.loads(made(tree.etl("run", "made-job", "--json", **at)).splitlines()[-1])
        assert (done["rows_read"], done["rows_written"]) == (30, 30)
        refused = tree.etl("new", "other-job", "--from-board", "7700000002", **at)
    assert refused.returncode == 1
    assert "monday.com has no board 7700000002" in refused.stderr
    assert not (tree.root / "etl" / "jobs" / "other_job.py").exists()


class TestRefused:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("board-planning", "--yes"), "the name board-planning is taken: there is etl/contracts/board_planning.py"),
            (("portable", "--yes"), "taken: there is etl/transforms/portable.py already"),
            (("Demo Job", "--yes"), "demo-job would do"),
            (("demo", ), "what shall the job read?"),
            (("demo", "--from-board", "nowhere"), "no board 'nowhere' in config.yaml (it has planning"),
            (("demo", "--from-board", "planning", "--from-table", "orders.x"), "reads one of them"),
            (("demo", "--from-table", "nix.dbo.x"), "names no database of config.yaml"),
            (("demo", "--from-table", "orders.dbo.x"), "dbo.x in orders is not there"),
            (("demo", "--yes", "--to", "orders.board_planning"), "board-planning loads board_planning in orders already"),
            (("demo", "--yes", "--mode", "merge"), "--mode 'merge' is none: choose append"),
            (("demo", "--yes", "--schedule", "0 25 * * *"), "--schedule: "),
        ],
    )  # fmt: skip
    def test_with_a_sentence_and_no_file(
        self,
        bare: Tree,
        monkeypatch: pytest.MonkeyPatch,
        arguments: tuple[str, ...],
        said: str,
    ) -> None:
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(bare.root)
        monkeypatch.setattr("etl.scaffold.project_root", lambda: bare.root)
        before = bare.files()
        done = CliRunner().invoke(app, ["new", *arguments])
        assert done.exit_code in (1, 2)
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert bare.files() == before

    def test_a_failure_half_way_leaves_nothing(self, tmp_path: Path) -> None:
        tree = Tree.copied(tmp_path)
        flow = tree.root / "flows"
        (flow / "board-planning.yaml").unlink()
        for name in flow.glob("*"):
            name.unlink()
        flow.rmdir()
        flow.write_text("no folder", encoding="utf-8")
        shutil.rmtree(tree.root / "notebooks")
        before = tree.files()
        done = tree.etl("new", "made-job", "--yes")
        assert (done.returncode, done.stdout) == (2, "")
        assert "can't be written" in done.stderr
        assert "nothing was changed" in done.stderr
        assert tree.files() == before
        assert not (tree.root / "notebooks").exists()

    def test_where_it_is_installed_without_its_sources(self, tmp_path: Path) -> None:
        tree = Tree.copied(tmp_path)
        (tree.root / "docs" / "jobs.md").unlink()
        done = tree.etl("new", "made-job", "--yes")
        assert done.returncode == 2
        assert "run this in a clone of the project" in done.stderr


class TestAsked:
    def ask(self, tree: Tree, answers: str) -> tuple[int, str]:
        """Make a job on a terminal, and answer what it asks."""
        parent, child = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "etl", "new", "asked-job"],
            cwd=tree.root,
            env=tree.environment(),
            stdin=child,
            stdout=child,
            stderr=child,
        )
        os.close(child)
        os.write(parent, answers.encode())
        said = b""
        while True:
            try:
                part = os.read(parent, 4096)
            except OSError:  # the terminal has no other end any more
                break
            said += part
            if not part:
                break
        os.close(parent)
        return process.wait(), said.decode()

    def test_the_choices_are_those_of_the_configuration(self, tmp_path: Path) -> None:
        tree = Tree.copied(tmp_path)
        code, said = self.ask(tree, "nothing\nboard\n1\nwarehouse\n\nupsert\n\n")
        assert code == 0, said
        assert "one of board, table, or its number" in said
        assert "1 planning" in said
        job = (tree.root / "etl" / "jobs" / "asked_job.py").read_text(encoding="utf-8")
        assert 'MondayItems(board="planning"' in job
        assert 'Table("warehouse", "dbo.asked_job", contract=AskedJob, mode="upsert")' in job

    def test_nothing_is_made_where_somebody_thinks_better_of_it(self, tmp_path: Path) -> None:
        tree = Tree.copied(tmp_path)
        before = tree.files()
        code, said = self.ask(tree, "board\n\x04")
        assert code == 130, said
        assert tree.files() == before
