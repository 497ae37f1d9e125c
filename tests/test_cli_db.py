"""``etl db``: as a person uses it."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from etl.cli import app
from etl.cli._db import duration
from etl.config import reset_config
from etl.io.databases import close_databases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEFT = "_etl_stage_" + "0a" * 16


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(
        "databases:\n"
        "  orders: {url: 'sqlite:///orders.db'}\n"
        "  other: {url: 'sqlite:///other.db'}\n"
        "  absent: {url: 'sqlite:///absent.db'}\n",
        encoding="utf-8",
    )
    reset_config()
    for name in ("orders", "other"):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as connection:
            connection.execute(f"create table {LEFT} (c1)")
            connection.execute("create table kept (c1)")
    yield tmp_path
    close_databases()


def tables(place: Path, name: str) -> set[str]:
    with closing(sqlite3.connect(place / f"{name}.db")) as connection:
        return {row[0] for row in connection.execute("select name from sqlite_master")}


def sweep(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["db", "sweep", *arguments])


def test_all_databases_are_swept_and_the_tables_listed(place: Path) -> None:
    result = sweep()
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines()[2:]]
    assert lines == [["orders", LEFT, "removed"], ["other", LEFT, "removed"]]
    assert tables(place, "orders") == tables(place, "other") == {"kept"}
    assert not (place / "absent.db").exists()
    assert sweep().output == "no staging tables are left behind\n"


def test_one_database_and_a_dry_run(place: Path) -> None:
    result = sweep("--database", "orders", "--dry-run")
    assert "would be removed" in result.output
    assert tables(place, "orders") == {"kept", LEFT}
    assert sweep("--database", "orders", "--older-than", "2d").exit_code == 0
    assert tables(place, "orders") == {"kept"}
    assert tables(place, "other") == {"kept", LEFT}


def test_a_database_at_fault_is_told_and_the_others_are_swept(place: Path) -> None:
    (place / "orders.db").write_text("this is no database, whatever its name says")
    result = sweep()
    assert result.exit_code == 1
    assert "database 'orders'" in result.stderr
    assert tables(place, "other") == {"kept"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--database", "ordres"], "did you mean 'orders'"),
        (["--older-than", "soon"], "'soon' is no length of time: write 90s, 30m, 24h or 2d"),
        (["--older-than", "-1h"], "'-1h' is no length of time"),
    ],
)
def test_usage_errors(place: Path, arguments: list[str], message: str) -> None:
    result = sweep(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", dt.timedelta(0)),
        ("90s", dt.timedelta(seconds=90)),
        ("1.5 H", dt.timedelta(minutes=90)),
        ("2d", dt.timedelta(days=2)),
    ],
)
def test_durations(text: str, expected: dt.timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "h", "24", "1w", "1e3s", "9999999d", "nans"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="no length of time"):
        duration(text)
