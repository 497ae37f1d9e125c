"""What the page is made of: jobs, contracts, schedules, runs; and what becomes of what can't be read."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from typing import TYPE_CHECKING, Any

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from etl.catalog import collect, render, write_page
from etl.catalog._html import document, el
from etl.cli import app
from etl.config import load_config, reset_config
from etl.errors import EtlError
from etl.io.databases import close_databases
from etl.jobs import get_job
from tests.catalog.conftest import LONG, NASTY, NOW, ROOT, SECRET, VARIABLES, nasty_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.catalog.conftest import Site


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh clone: the shipped configuration, and no data yet."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    reset_config()
    yield tmp_path
    close_databases()
    reset_config()


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_same_things_make_the_same_page(site: Site) -> None:
    jobs = [get_job("board-planning"), nasty_job()]
    first, again = (render(collect(site.config, jobs, now=NOW)[0]) for _ in range(2))
    assert first == again


def test_the_page_is_valid_html(site: Site) -> None:
    jobs = [get_job("board-planning"), get_job("audit-report"), nasty_job()]
    text = render(collect(site.config, jobs, now=NOW)[0])
    html5lib.HTMLParser(strict=True).parse(text)
    with pytest.raises(html5lib.html5parser.ParseError):
        html5lib.HTMLParser(strict=True).parse(text.replace("</section>", "</p>", 1))


@settings(max_examples=12)
@given(text=st.text(), name=st.text(min_size=1))
def test_any_text_is_shown_as_it_is_and_makes_no_element(text: str, name: str) -> None:
    page = document(title=text, head=el("p", text, title=name), content=[text, el("b", name), text])
    parsed = html5lib.parse(page, namespaceHTMLElements=False)
    main = parsed.find(".//main")
    assert main is not None
    assert [child.tag for child in main] == ["b"]
    assert len(parsed.findall(".//script")) == 1

    def shown(value: str) -> str:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
        return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", value)  # fmt: skip

    assert shown(text) in "".join(main.itertext())
    [bold] = main
    assert bold.text == shown(name)


def test_secrets_in_errors_and_reasons_do_not_get_onto_the_page(site: Site) -> None:
    failed = [run for job in site.catalog.jobs for run in job.runs if run.error]
    assert failed
    assert all("PWD=***" in str(run.error) for run in failed)
    assert any("***" in each.reason for job in site.catalog.jobs for each in job.aside)
    assert SECRET not in site.text
    assert "sqlite:" not in site.text
    assert str(site.config.path.parent) not in site.text


def test_runs_and_reasons_are_counted(site: Site) -> None:
    jobs = {job.name: job for job in site.catalog.jobs}
    planning = jobs["board-planning"]
    assert len(planning.runs) == 30
    assert [run.run_id for run in planning.runs][-1] == "run-039"
    assert planning.runs[-1].seconds is None
    # Of the 23 that began within the day, one in seven failed.
    assert (planning.lately, planning.lately_failed) == (23, 4)
    most = planning.aside[0]
    assert (most.rows, most.reason.partition(":")[0]) == (9, "cut_qty")
    assert len(planning.aside) == 3
    assert jobs["bulk-orders"].runs == ()
    assert [place.id for place in site.catalog.places if LONG in place.name] == [
        next(link.place.id for link in jobs[nasty_job().name].links if LONG in link.place.name)
    ]


def test_contracts_are_told_column_by_column(site: Site) -> None:
    places = {place.id: place for place in site.catalog.places}
    [staging] = places["table-orders.dbo.order_staging"].contracts
    columns = {column.name: column for column in staging.columns}
    assert columns["order_key"].primary_key
    assert not columns["order_key"].nullable
    assert columns["attempts"].rules == ("at least 0",)
    assert str(columns["attempts"].note).startswith("Runs that have tried in vain")
    assert columns["message"].sql_type == "VARCHAR(2000)"
    assert "failed_says_why" in [rule.name for rule in staging.rules]
    board = places["board-planning"].contracts[0]
    assert {"cut_qty": "cut_qty"}.items() <= {c.name: c.source for c in board.columns}.items()
    books = places["workbooks-data/reports"].sheets
    assert ("audit.xlsx", "Dashboard") in [(file, sheets[0]) for file, sheets in books]


def test_schedules_are_those_that_flows_run_with(site: Site, project: Path) -> None:
    file = project / "config.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace(
            "  # jobs: {board-planning: {timeout: PT2H}}",
            "  timezone: Europe/Berlin\n  jobs: {audit: {schedule: '15 8 * * *'}, subitems: {enabled: no}, "
            "run-audit: {schedule: null}} #",
        ),
        encoding="utf-8",
    )
    names = ("audit", "subitems", "run-audit", "board-planning")
    flows = load_config(file)
    catalog, _ = collect(site.config, [get_job(name) for name in names], now=NOW, flows=flows)
    audit, subitems, run_audit, planning = (job.schedule for job in catalog.jobs)
    assert audit is not None
    assert [time.isoformat() for time in audit.upcoming] == ["2026-11-27T08:15:00+01:00"]
    assert subitems is not None
    assert (subitems.enabled, subitems.upcoming) == (False, ())
    assert run_audit is None
    assert planning is not None
    assert len(planning.upcoming) == 6
    text = render(catalog)
    assert "its flow is switched off" in text
    assert "2026-11-27 08:15" in text


def test_a_fresh_clone_has_a_page_and_no_data_is_made(project: Path) -> None:
    done = call("catalog")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(
        r"site.index\.html: \d+ jobs, \d+ tables and sources, 0 runs\n", done.stdout
    )
    text = (project / "site" / "index.html").read_text(encoding="utf-8")
    assert text.count("no run yet") >= 8
    assert not (project / "data").exists()


def test_a_database_that_is_away_leaves_a_page_that_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_DB_PASSWORD", SECRET)
    file = project / "config.yaml"
    text = file.read_text(encoding="utf-8")
    away = "postgresql://etl:${ORDERS_DB_PASSWORD}@127.0.0.1:9/orders"
    file.write_text(text.replace("sqlite:///data/orders.db", away), encoding="utf-8")
    done = call("catalog", "--out", "page")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("warning: orders could not be read: ")
    page = (project / "page" / "index.html").read_text(encoding="utf-8")
    assert 'id="unread"' in page
    assert "its runs could not be read from orders" in page
    assert SECRET not in done.output + page
    assert "127.0.0.1" not in page


def test_a_variable_that_is_missing_takes_nothing_else_away(project: Path) -> None:
    done = call("catalog", "--profile", "prod", "--out", "page")
    assert done.exit_code == 0, done.output
    assert "ORDERS_DB_HOST is not set" in done.stderr
    assert "SQL Server" in (project / "page" / "index.html").read_text(encoding="utf-8")


def test_a_folder_that_can_not_be_written_is_named(project: Path) -> None:
    (project / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(EtlError, match="choose another folder with --out"):
        write_page("x", project / "taken")
    assert call("catalog", "--out", "taken/site").exit_code == 1


def test_an_older_page_is_replaced_as_a_whole(project: Path) -> None:
    path = write_page(NASTY, project / "out")
    assert write_page("new", project / "out") == path
    assert path.read_text(encoding="utf-8") == "new"
    assert [each.name for each in path.parent.iterdir()] == ["index.html"]


def test_a_job_that_runs_every_minute_is_drawn_like_any_other(site: Site) -> None:
    from dataclasses import replace

    busy = replace(nasty_job(), schedule="* * * * *")
    catalog, _ = collect(site.config, [busy], now=NOW)
    schedule = catalog.jobs[0].schedule
    assert schedule is not None
    assert len(schedule.upcoming) == 24 * 60
    assert schedule.upcoming[-1] == NOW + dt.timedelta(days=1)
    assert "1\u202f440 runs in the next 24 hours" in render(catalog)
