"""The command line, as a person and an orchestrator use it."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from etl.cli import app
from etl.config import reset_config

ROOT = Path(__file__).parent.parent
SECRET = "hunter2"
VARIABLES = ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN", "MONDAY_API_URL")
KEYS = {"status", "rows_read", "rows_written", "rows_quarantined", "seconds", "run_id"}


class Project:
    """A directory with a config.yaml, and the command in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.orders = directory / "data" / "orders.db"
        shipped = (ROOT / "config.yaml").read_text(encoding="utf-8")
        self.configure(shipped.replace("sample: true", "sample: true\n    sample_rows: 200"))

    def configure(self, text: str) -> None:
        (self.directory / "config.yaml").write_text(text, encoding="utf-8")

    def replace(self, old: str, new: str) -> None:
        file = self.directory / "config.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        self.configure(text.replace(old, new))

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **variables}

    def start(self, *arguments: str, environment: Any = None, **options: Any) -> Any:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            [sys.executable, "-m", "etl", *arguments],
            cwd=self.directory,
            env=self.environment(**(environment or {})),
            text=True,
            encoding="utf-8",
            **options,
        )

    def etl(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, environment=environment) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.orders)) as connection:
            return connection.execute(sql).fetchall()

    def planning(self) -> list[tuple[Any, ...]]:
        return self.query("select * from board_planning order by item_id")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project as the current directory, for commands that run in this process."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(project.directory)
    reset_config()
    return project


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


class TestHelp:
    def test_is_light(self) -> None:
        heavy = "pandas polars sqlalchemy pyarrow narwhals dataframely pydantic httpx yaml rich"
        code = (
            "import sys; from etl.cli import main\n"
            "sys.argv = ['etl', '--help']\n"
            "try: main()\n"
            f"except SystemExit: print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert run.stdout.splitlines()[-1] == "[]"
        for command in ("list", "run", "preview", "history", "check", "samples"):
            assert f"  {command} " in run.stdout

    def test_version(self) -> None:
        assert call("--version").output == "etl 0.1.0\n"

    def test_console_script(self) -> None:
        from importlib.metadata import entry_points

        [script] = entry_points(group="console_scripts", name="etl")
        from etl.cli import main

        assert script.load() is main

    def test_list(self) -> None:
        result = call("list")
        assert result.exit_code == 0
        assert "board-planning" in result.output
        assert "Every item of the planning board" in result.output


class TestRun:
    def test_first_run_on_a_new_machine(self, project: Project) -> None:
        first = project.etl("run", "board-planning")
        assert (first.returncode, first.stderr) == (0, "")
        assert "board-planning: 200 rows read" in first.stdout
        assert "(replace): 199 inserted, 0 updated, 0 deleted, 0" in first.stdout
        assert "rows set aside are in etl_quarantine" in first.stdout
        rows = project.planning()
        assert len(rows) == 199
        second = project.etl("run", "board-planning", "--json", ETL_RUN_ID="execution-7")
        assert second.returncode == 0
        assert project.planning() == rows
        told = json.loads(second.stdout.splitlines()[-1])
        assert set(told) >= KEYS
        assert (told["status"], told["run_id"]) == ("done", "execution-7")
        assert (told["rows_read"], told["rows_written"], told["rows_quarantined"]) == (200, 199, 1)
        history = project.etl("history")
        assert history.returncode == 0
        assert history.stdout.count("board-planning") == 2
        assert history.stdout.count("done") == 2

    def test_json_is_all_of_stdout(self, inside: Project) -> None:
        result = call("run", "board-planning", "--dry-run", "--json")
        [line] = result.stdout.splitlines()
        assert json.loads(line)["outputs"][0]["changes"]["inserted"] == 199

    def test_dry_run_leaves_nothing(self, inside: Project) -> None:
        result = call("run", "board-planning", "--dry-run")
        assert result.exit_code == 0
        told = " ".join(result.output.split())
        assert "199 to insert, 0 to update, 0 to delete, 0 unchanged" in told
        assert "the table would be created" in result.output
        assert "dry run: nothing was written" in result.output
        assert [path.name for path in inside.directory.iterdir()] == ["config.yaml"]

    def test_limit_is_a_dry_run(self, inside: Project) -> None:
        result = call("run", "board-planning", "--limit", "3")
        assert result.exit_code == 0
        assert "3 rows read" in result.output
        assert not inside.orders.exists()
        assert call("run", "board-planning", "--limit", "0").exit_code == 2

    def test_strict(self, inside: Project) -> None:
        assert call("run", "board-planning").exit_code == 0
        before = inside.planning()
        result = call("run", "board-planning", "--strict", "--json")
        assert result.exit_code == 1
        assert "1 row broke the contract and the run is strict" in result.stderr
        told = json.loads(result.stdout.splitlines()[-1])
        assert set(told) >= KEYS
        assert (told["status"], told["rows_written"], told["rows_quarantined"]) == ("failed", 0, 1)
        assert inside.planning() == before
        assert inside.query("select count(*) from etl_quarantine") == [(1,)]

    def test_groups(self, inside: Project) -> None:
        for _ in range(2):
            result = call("run", "board-groups")
            assert (result.exit_code, result.stderr) == (0, "")
        # One of the sample board's groups is archived.
        assert inside.query("select count(*), sum(active) from board_groups") == [(4, 3)]

    def test_unmapped_columns_are_listed(self, inside: Project) -> None:
        told = json.loads(call("run", "board-planning", "--dry-run", "--json").stdout)
        assert any("column" in note for note in told["notes"])

    def test_profile_before_and_after_the_command(self, inside: Project) -> None:
        inside.replace("profiles:\n", "profiles:\n  other: {databases: {orders: {url: 'sqlite:///other.db'}}}\n")  # fmt: skip
        for number, arguments in enumerate(
            [("--profile", "other", "run", "board-groups"), ("run", "board-groups", "--profile", "other")]
        ):  # fmt: skip
            assert call(*arguments).exit_code == 0
            with closing(sqlite3.connect("other.db")) as connection:
                runs = connection.execute("select profile from etl_runs").fetchall()
            assert runs == [("other",)] * (number + 1)
        assert not inside.orders.exists()


class TestErrors:
    def test_three_mistakes_are_three_lines(self, project: Project) -> None:
        project.configure(
            "databases:\n"
            f"  orders: {{host: h, prt: 1433, database: d, username: u, password: {SECRET}}}\n"
            "  hr: {url: 'sqlit:///x.db'}\n"
            "apis: {monday: {sampel: true}}\n"
        )
        run = project.etl("run", "board-planning")
        assert run.returncode == 2
        assert run.stdout == ""
        assert run.stderr.splitlines() == [
            "databases.orders.prt: unknown key; did you mean 'port'? (config.yaml:2)",
            "databases.hr.url: unknown engine 'sqlit'; did you mean 'sqlite'? (config.yaml:3)",
            "apis.monday.sampel: unknown key; did you mean 'sample'? (config.yaml:4)",
        ]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("run", "board-planing"), "did you mean 'board-planning'?"),
            (("preview", "x"), "no job 'x'; known are "),
            (("history", "board-group"), "did you mean 'board-groups'?"),
            (("--profile", "prd", "check"), "no profile 'prd'; did you mean 'prod'?"),
            (("run",), "Missing argument"),
            (("run", "board-planning", "--dryrun"), "--dry-run"),
            (("rum", "board-planning"), "run"),
            (("samples", "--out", "config.yaml/x"), "config.yaml/x"),
        ],
    )
    def test_usage(self, inside: Project, arguments: tuple[str, ...], said: str) -> None:
        result = call(*arguments)
        assert result.exit_code == 2
        assert said in result.stderr
        assert "Traceback" not in result.stderr

    def test_no_configuration(self, inside: Project) -> None:
        (inside.directory / "config.yaml").unlink()
        result = call("run", "board-planning", "--json")
        assert result.exit_code == 2
        told = json.loads(result.stdout.splitlines()[-1])
        assert set(told) >= KEYS
        assert told["status"] == "failed"
        assert "no config.yaml" in told["error"]

    @pytest.mark.parametrize("debug", [(), ("--debug",)])
    def test_an_unreachable_database_is_one_sentence(
        self, inside: Project, debug: tuple[str, ...]
    ) -> None:
        inside.replace("url: sqlite:///data/orders.db", f"url: postgresql://u:{SECRET}@127.0.0.1:1/d")  # fmt: skip
        result = call("run", "board-planning", *debug)
        assert result.exit_code in {1, 2}
        assert SECRET not in result.output
        if debug:
            assert "Traceback (most recent call last)" in result.stderr
        else:
            assert len(result.stderr.splitlines()) == 1
            assert "127.0.0.1" in result.stderr

    def test_a_missing_token_is_named(self, inside: Project) -> None:
        inside.replace("sample: true", "sample: false")
        result = call("run", "board-planning")
        assert result.exit_code == 2
        assert result.stderr.startswith("apis.monday.token: the environment variable MONDAY_API_TOKEN is not set")  # fmt: skip


class TestOtherCommands:
    @pytest.mark.parametrize(
        "arguments", [("list",), ("check",), ("history",), ("preview", "board-planning")]
    )
    def test_fits_80_columns(self, inside: Project, arguments: tuple[str, ...]) -> None:
        call("run", "board-groups")
        result = call(*arguments)
        assert result.exit_code == 0
        assert max(cell_len(line) for line in result.stdout.splitlines()) <= 80

    def test_preview(self, inside: Project) -> None:
        result = call("preview", "board-planning", "--limit", "150")
        assert result.exit_code == 0
        assert "planning: 149 rows" in result.output
        assert "item_id" in result.output
        assert "set aside because" in result.output
        assert not inside.orders.exists()

    def test_check(self, inside: Project) -> None:
        result = call("check")
        assert result.exit_code == 0
        assert "✗" not in result.output
        assert "not there yet" in result.output
        assert not inside.orders.exists()
        call("run", "board-planning")
        assert "dbo.board_planning fits its contract" in " ".join(call("check").output.split())

    def test_check_finds_what_is_wrong(self, inside: Project) -> None:
        inside.replace("url: sqlite:///data/distribution.db", f"url: postgresql://u:{SECRET}@127.0.0.1:1/d")  # fmt: skip
        inside.orders.parent.mkdir()
        with closing(sqlite3.connect(inside.orders)) as connection:
            connection.execute("create table board_groups (board_id bigint, group_id varchar(3))")
        result = call("check")
        text = " ".join(result.output.split())
        assert result.exit_code == 1
        assert "✗ database distribution" in text
        assert "✗ board-groups: table" in text
        assert "title is missing" in text
        assert "! secret databases.distribution.url: a secret is written" in text
        assert SECRET not in result.output

    def test_check_names_missing_variables(self, inside: Project) -> None:
        result = call("check", "--profile", "prod")
        assert result.exit_code == 1
        for name in ("ORDERS_DB_PASSWORD", "WAREHOUSE_DB_HOST", "MONDAY_API_TOKEN"):
            assert name in "".join(result.output.split())

    def test_history_shows_errors(self, inside: Project) -> None:
        assert "no runs yet" in call("history").output
        call("run", "board-planning", "--strict")
        result = call("history", "board-planning")
        assert "failed" in result.output
        assert "the run is strict" in " ".join(result.output.split())
        assert "board-planning" not in call("history", "board-groups").output

    def test_samples_are_the_same_for_a_seed(self, inside: Project) -> None:
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
            result = call("samples", "--rows", "3", "--seed", seed, "--out", name)
            assert result.exit_code == 0
            assert "dbo.orders_unified in orders: 3 rows" in result.output
            assert f"3 files with 3 items in {name}" in result.output
        page = "page-0001.json"
        assert Path("a", page).read_bytes() == Path("b", page).read_bytes()
        assert Path("a", page).read_bytes() != Path("c", page).read_bytes()


class TestStreams:
    def test_ascii_terminals(self, project: Project) -> None:
        for arguments in (("preview", "board-planning"), ("check",)):
            run = project.etl(*arguments, PYTHONIOENCODING="ascii")
            assert (run.returncode, run.stderr) == (0, "")

    def test_nobody_reads(self, project: Project) -> None:
        # `etl run ... | head -0`: the run is done, whoever listens.
        reading, writing = os.pipe()
        with project.start("run", "board-groups", stdout=writing) as process:
            os.close(reading)
            os.close(writing)
            _, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert project.query("select count(*) from board_groups") == [(4,)]

    def test_closed_streams(self, project: Project) -> None:
        command = f'"{sys.executable}" -m etl run board-groups >&- 2>&-'
        run = subprocess.run(
            ["sh", "-c", command], cwd=project.directory, env=project.environment(), check=False
        )
        assert run.returncode == 0

    def test_progress_on_a_terminal_only(self, project: Project) -> None:
        terminal, theirs = pty.openpty()
        environment = {"TERM": "xterm", "COLUMNS": "80"}
        with project.start("run", "board-planning", environment=environment, stderr=theirs) as process:  # fmt: skip
            out, _ = process.communicate()
        os.close(theirs)
        shown = b""
        while b"200" not in shown:  # the bar was drawn, with the rows on it
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the end of a terminal
                break
        os.close(terminal)
        assert process.returncode == 0
        assert b"board" in shown
        assert "\x1b" not in out


class TestStopped:
    """A run that is stopped, politely or not, leaves the table as it was, or as it is to be."""

    @pytest.fixture
    def big(self, inside: Project) -> Project:
        inside.replace("sample_rows: 200", "sample_rows: 20")
        assert call("run", "board-planning").exit_code == 0
        assert len(inside.planning()) == 20
        inside.replace("sample_rows: 20", "sample_rows: 8000")
        return inside

    @staticmethod
    def started(project: Project, process: Any) -> None:
        """Wait until the run has said that it is running."""
        while process.poll() is None:
            if project.query("select count(*) from etl_runs") == [(2,)]:
                return
            time.sleep(0.01)
        pytest.fail(f"the run has ended: {process.communicate()}")

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_interrupted(self, big: Project, number: int, code: int) -> None:
        before = big.planning()
        with big.start("run", "board-planning", "--json") as process:
            self.started(big, process)
            process.send_signal(number)
            out, err = process.communicate()
        assert process.returncode == code
        assert err.splitlines() == ["interrupted: whatever was not complete has been undone"]
        assert json.loads(out.splitlines()[-1])["status"] == "failed"
        assert big.planning() == before
        [latest] = big.query("select status, error from etl_runs where rows_read = 0 or status <> 'done'")  # fmt: skip
        assert latest == ("failed", "interrupted")

    @pytest.mark.parametrize("written", [0, 50_000, 2_000_000])
    def test_killed(self, big: Project, written: int) -> None:
        before = big.planning()
        log = big.orders.with_name("orders.db-wal")
        with big.start("run", "board-planning") as process:
            self.started(big, process)
            # While it reads, and while the new rows are on their way into the file.
            while written and process.poll() is None:
                if log.exists() and log.stat().st_size > written:
                    break
            process.kill()
            process.communicate()
        statuses = big.query("select status from etl_runs order by started_at")
        rows = big.planning()
        if statuses[-1] == ("running",):
            assert rows == before
        else:  # the kill came too late: then all of it is there
            assert statuses[-1] == ("done",)
            assert len(rows) > 7900
        assert big.query("pragma integrity_check") == [("ok",)]
        big.replace("sample_rows: 8000", "sample_rows: 20")
        assert call("run", "board-planning").exit_code == 0
        assert big.planning() == before
