"""A run inside Kestra: one line with outputs, metrics and messages; outside, nothing of it."""

from __future__ import annotations

import json
import logging
import signal
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.cli._errors import Reporter
from etl.cli._kestra import live_warnings, result_line
from etl.testing import texts
from tests.kestra_task import understood
from tests.test_cli import SECRET, Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kestra_task import Told

SAMPLE_NOTE = "note: no token is set: this is the generated sample board of 200 items"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def in_kestra(project: Project, *arguments: str, **variables: str) -> tuple[int, Told, Any]:
    """Run the command as a flow does; gives the exit code, what Kestra understood, and stderr."""
    done = project.etl(*arguments, ETL_ORCHESTRATOR="kestra", ETL_RUN_ID="execution-7", **variables)
    return done.returncode, understood(done.stdout), done.stderr


class TestRun:
    def test_a_clean_run_is_one_line(self, project: Project) -> None:
        code, told, stderr = in_kestra(project, "run", "board-planning")
        assert (code, told.lines, told.plain, stderr) == (0, 1, [], "")
        assert told.outputs.pop("seconds") > 0
        assert told.outputs == {
            "job": "board-planning",
            "run_id": "execution-7",
            "status": "done",
            "dry_run": False,
            "rows_read": 200,
            "rows_written": 199,
            "rows_quarantined": 1,
        }
        counts = ("rows_read", "rows_written", "rows_quarantined")
        assert [told.metrics[name] for name in counts] == [200, 199, 1]
        phases = {name for name in told.metrics if name.startswith("seconds_")}
        assert phases == {f"seconds_{at}" for at in ("read", "transform", "check", "write")}
        assert sum(told.metrics[name] for name in phases) <= told.metrics["seconds"] + 0.01
        assert told.logs[0] == (
            "INFO",
            "board-planning: 200 rows read, 199 written, 1 set aside",
        )
        assert told.logs[1][0] == "WARN"
        assert "'12 pcs' is not a whole number" in told.logs[1][1]
        assert ("INFO", SAMPLE_NOTE) in told.logs
        assert project.query("select run_id, status from etl_runs") == [("execution-7", "done")]

    def test_a_failed_run_tells_so_too(self, project: Project) -> None:
        code, told, stderr = in_kestra(project, "run", "board-planning", "--strict")
        assert (code, told.lines, told.plain) == (1, 1, [])
        assert (told.outputs["status"], told.outputs["rows_written"]) == ("failed", 0)
        assert "the run is strict" in told.outputs["error"]
        assert "the run is strict" in stderr

    def test_a_run_that_never_began_tells_so_too(self, project: Project) -> None:
        project.replace("url: sqlite:///data/orders.db", "ulr: sqlite:///data/orders.db")
        code, told, stderr = in_kestra(project, "run", "board-planning")
        assert (code, told.lines) == (2, 1)
        assert (told.outputs["status"], told.outputs["run_id"]) == ("failed", "execution-7")
        assert "databases.orders.ulr: unknown key" in told.outputs["error"]
        assert "databases.orders.ulr: unknown key" in stderr

    def test_json_is_still_the_last_line(self, project: Project) -> None:
        done = project.etl("run", "board-groups", "--json", ETL_ORCHESTRATOR="kestra")
        told = understood(done.stdout)
        [last] = told.plain
        assert done.stdout.splitlines()[-1] == last
        assert json.loads(last)["run_id"] == told.outputs["run_id"]

    def test_no_secret_is_told(self, project: Project) -> None:
        url = f"postgresql://etl:{SECRET}@127.0.0.1:9/{SECRET}?connect_timeout=1"
        project.replace("url: sqlite:///data/orders.db", "url: ${ORDERS_URL}")
        code, told, stderr = in_kestra(project, "run", "board-planning", ORDERS_URL=url)
        assert (code, told.outputs["status"]) == (1, "failed")
        assert told.outputs["error"]
        assert SECRET not in f"{told}{stderr}"

    def test_a_stopped_run_tells_so(self, project: Project) -> None:
        project.replace("sample_rows: 200", "sample_rows: 200000")
        variables = {"ETL_ORCHESTRATOR": "kestra"}
        with project.start("run", "board-planning", environment=variables) as process:
            while not project.orders.exists():
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate()
        told = understood(out)
        assert (process.returncode, told.lines, told.outputs["status"]) == (143, 1, "failed")
        assert "interrupted" in err

    @pytest.mark.parametrize("variables", [{}, {"ETL_ORCHESTRATOR": ""}])
    def test_elsewhere_nothing_of_it_shows(
        self, project: Project, variables: dict[str, str]
    ) -> None:
        done = project.etl("run", "board-planning", **variables)
        assert done.returncode == 0
        assert "::" not in done.stdout
        assert "(replace): 199 inserted" in done.stdout


class TestLine:
    @given(
        notes=st.lists(texts(5000), max_size=30),
        reasons=st.lists(texts(3000), max_size=30),
        error=st.one_of(st.none(), texts(20_000)),
        done=st.booleans(),
    )
    def test_whatever_is_told_is_one_short_line_that_parses(
        self, notes: list[str], reasons: list[str], error: str | None, done: bool
    ) -> None:
        line = result_line(
            {
                "job": "orders",
                "status": "done" if done else "failed",
                "rows_read": 1,
                "seconds": 0.1,
                "phases": {"read": 0.1},
                "error": error,
                "notes": [note * 40 for note in notes],
                "reasons": [{"rows": 1, "reason": reason} for reason in reasons],
            }
        )
        assert line.isascii()
        assert len(line) <= 10_000
        told = understood(f"{line}\n")
        assert told.lines == 1
        assert told.outputs["status"] == ("done" if done else "failed")
        assert told.metrics == {"rows_read": 1, "seconds": 0.1, "seconds_read": 0.1}
        all_of_them = done + len(notes) + len(reasons)
        if len(told.logs) < all_of_them:
            level, message = told.logs[-1]
            assert (level, message) == (
                "INFO",
                f"... and {all_of_them - len(told.logs) + 1} more messages",
            )

    def test_calls_and_files_are_told(self) -> None:
        reason = {"rows": 2, "reason": "no such label"}
        call = {
            "target": "the board",
            "created": 3,
            "updated": 0,
            "unchanged": 1,
            "reasons": [reason],
        }
        values = {"job": "a", "status": "done", "calls": [call], "files": ["a.xlsx", "b.xlsx"]}
        assert understood(result_line(values)).logs[1:] == [
            ("INFO", "the board: 3 created, 0 updated, 1 unchanged"),
            ("WARN", "not written: 2, for example because of no such label"),
            ("INFO", "made 2 files"),
        ]

    def test_secrets_are_taken_out_of_texts_only(self) -> None:
        values = {"job": "a", "rows_read": 12, "error": "no 12", "notes": ["12"], "reasons": []}
        told = understood(result_line(values, lambda text: text.replace("12", "***")))
        assert told.outputs == {"job": "a", "rows_read": 12, "error": "no ***"}
        assert told.logs == [("INFO", "note: ***")]


def test_warnings_are_told_at_once_and_at_their_level(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    with live_warnings(reporter):
        reporter.redact = lambda text: text.replace(SECRET, "***")
        logging.getLogger("etl.io.monday.client").warning("waiting,\nwith %s", SECRET)
        warned = understood(capsys.readouterr().out)
        logging.getLogger("etl").error("worse")
        logging.getLogger("etl").info("nothing")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", FutureWarning, stacklevel=1)
    assert warned.logs == [("WARN", "waiting, with ***")]
    later = capsys.readouterr()
    told = understood(later.out)
    assert (told.lines, told.logs[0]) == (2, ("ERROR", "worse"))
    assert "FutureWarning: old" in told.logs[1][1]
    assert later.err == ""
    logging.getLogger("etl").warning("elsewhere")
    assert "::" not in capsys.readouterr().out
