"""``etl check --build``: a good build passes all of it, and each fault is named."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import dataframely as dy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config import load_config
from etl.errors import ConfigError, ContractError, EtlError
from etl.jobs import job_names
from etl.jobs.base import Table
from etl.kestra import build
from etl.kestra.connections import connections
from etl.kestra.line import read_result
from tests.requires import require
from tests.scaffold.tree import Tree

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "MONDAY_API_TOKEN", "MONDAY_API_URL"):
        monkeypatch.delenv(name, raising=False)


def test_the_project_as_it_is_passes(tmp_path: Path) -> None:
    require(shutil.which("uv") is not None, "uv (pip install uv)")
    tree = Tree.copied(tmp_path)
    done = tree.etl("check", "--build")
    assert done.returncode == 0, done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    for name in job_names():
        assert f"{name}: imports" in told
    assert "dbo.board_planning on SQL Server" in told
    assert re.search(r"wheel in an empty environment board-planning: 500 rows written|499 rows", told)  # fmt: skip


class TestConnections:
    @pytest.fixture
    def package(self, tmp_path: Path) -> Path:
        for folder in ("io", "jobs"):
            (tmp_path / "etl" / folder).mkdir(parents=True)
        return tmp_path / "etl"

    @pytest.mark.parametrize(
        ("source", "what"),
        [
            ("import sqlite3", "sqlite3"),
            ("def f():\n    import pyodbc as p", "pyodbc"),
            ("from sqlalchemy import create_engine", "sqlalchemy"),
            ("from sqlalchemy.engine import Engine", "sqlalchemy.engine"),
            ("from urllib import request", "urllib.request"),
            ("import urllib.request", "urllib.request"),
            ("import http.client", "http.client"),
            ("import requests", "requests"),
            ("import importlib\nx = importlib.import_module('duckdb')", "duckdb"),
            ("x = __import__('socket')", "socket"),
            ("import polars as pl\nx = pl.read_database_uri('select 1', 'sqlite://')", "read_database_uri"),
            ("def f(frame):\n    frame.to_sql('t', 'sqlite://')", "to_sql"),
            ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import httpx", "httpx"),
        ],
    )  # fmt: skip
    def test_code_that_connects_is_found(self, package: Path, source: str, what: str) -> None:
        (package / "jobs" / "mine.py").write_text(source, encoding="utf-8")
        [found] = connections(package)
        assert re.fullmatch(rf"etl/jobs/mine\.py:\d+: {re.escape(what)}", found)

    @pytest.mark.parametrize(
        "source",
        [
            "from etl.io import db_helper as db",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sqlalchemy as sa",
            "from urllib.parse import quote",
            "import http\nimport json",
            "from .requests import x",
            "requests = 1  # import requests",
        ],
    )
    def test_other_code_is_not(self, package: Path, source: str) -> None:
        (package / "jobs" / "mine.py").write_text(source, encoding="utf-8")
        assert connections(package) == []

    def test_io_may_connect(self, package: Path) -> None:
        (package / "io" / "mine.py").write_text("import sqlite3", encoding="utf-8")
        assert connections(package) == []

    def test_the_package_itself_does_not(self) -> None:
        assert connections(ROOT / "etl") == []


class TestContracts:
    def test_a_type_that_an_engine_can_not_keep_is_named(self) -> None:
        class Wide(dy.Schema):
            amount = dy.Decimal(38, 2)

        config = load_config(ROOT / "config.yaml")
        with pytest.raises(ContractError, match=r"amount: .*SQLite"):
            build._compiled(config, Table("orders", "dbo.wide", contract=Wide))
        prod = load_config(ROOT / "config.yaml", profile="prod")
        assert build._compiled(prod, Table("orders", "dbo.wide", contract=Wide)) == (
            "dbo.wide on SQL Server"
        )

    def test_a_database_that_is_not_configured_is_named(self) -> None:
        config = load_config(ROOT / "config.yaml")
        table = Table("ordres", "dbo.t", contract=type("T", (dy.Schema,), {"a": dy.Int64()}))
        with pytest.raises(ConfigError, match="no database 'ordres'"):
            build._compiled(config, table)


def test_flows_that_are_stale_or_wrong_are_told(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "flows", tmp_path / "flows")
    config = load_config(ROOT / "config.yaml", profile="prod")
    assert build._flows(tmp_path, config).endswith("are what the jobs and config.yaml give")
    (tmp_path / "flows" / "own.yaml").write_text("id: Own Flow\nnamespace: a\n", encoding="utf-8")
    with pytest.raises(EtlError, match=r"own\.yaml:1: "):
        build._flows(tmp_path, config)
    (tmp_path / "flows" / "board-groups.yaml").unlink()
    with pytest.raises(EtlError, match="run `etl flows render`"):
        build._flows(tmp_path, config)


def test_a_job_that_does_not_import_is_named_and_the_rest_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}_helpers'")

    monkeypatch.setattr(build, "job_names", lambda: ("mine",))
    monkeypatch.setattr(build, "get_job", broken)
    monkeypatch.setattr(build, "_wheel", lambda *_: "not built here")
    config = load_config(ROOT / "config.yaml")
    items = {item.what: item for item in build.check_build(config, ROOT)}
    assert items["mine: imports"].detail == "ModuleNotFoundError: No module named 'mine_helpers'"
    assert items["connections outside etl/io"].ok


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    code = "import sys; print('first', file=sys.stderr); sys.exit('the last word')"
    with pytest.raises(EtlError, match="ended with 1: first the last word"):
        build._run([sys.executable, "-c", code], tmp_path, {})


@given(
    lines=st.lists(st.sampled_from(["", "a line", '::{"logs": []}::', ' ::{"outputs": {}}::', "::{}"])),
    outputs=st.integers(0, 2),
)  # fmt: skip
def test_exactly_one_line_of_outputs_is_read(lines: list[str], outputs: int) -> None:
    text = "\n".join([*lines, *['::{"outputs": {"status": "done"}}::'] * outputs])
    if outputs == 1:
        assert read_result(text) == {"status": "done"}
    else:
        with pytest.raises(EtlError, match=f"{outputs} lines of outputs"):
            read_result(text)
