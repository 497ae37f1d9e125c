"""A catalogue with everything on it: all jobs, one more that is made to break the page, and runs."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest

from etl.catalog import Catalog, collect, render, write_page
from etl.config import Config, load_config, reset_config
from etl.contracts.bookkeeping import QUARANTINE_TABLE, RUNS_TABLE, EtlQuarantine, EtlRuns
from etl.io import db_helper as db
from etl.io.databases import close_databases
from etl.io.tables import TableRows
from etl.jobs import get_job, job_names
from etl.jobs.base import Job, Pipeline, Table
from tests.requires import require, required_module

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
NOW = dt.datetime(2026, 11, 26, 10, 12, tzinfo=dt.UTC)
SECRET = "pw-<&>-of-the-test"
NASTY = (
    "<script>window.broken = 1</script> \"quoted\" 'single' & 👩🏽‍🔧 \x1b[31m \u202eright-to-left"
)
LONG = "a_name_that_has_no_place_to_break_" * 4
VARIABLES = ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN", "MONDAY_API_URL")


def nasty_job() -> Job:
    """A job whose every name is trouble: for HTML, for ids in links, for narrow screens."""
    columns = {
        NASTY: dy.String(nullable=True, description=NASTY, regex="</td><b>"),
        LONG: dy.Int64(primary_key=True, metadata={"board_column": NASTY}),
    }
    contract: Any = type("Nasty", (dy.Schema,), {"__doc__": NASTY, **columns})
    return Job(
        name="nasty <b> & \"'",
        description=NASTY,
        inputs={"rows": TableRows(database="orders", table=f'"{LONG}"', contract=contract)},
        transform=lambda rows: rows,
        outputs={"rows": Table("orders", f'dbo."{NASTY}"', contract=contract, mode="upsert")},
        schedule="*/5 * * * *",
        lock=NASTY,
    )


def all_jobs() -> list[Job | Pipeline]:
    """Every job of the project."""
    return [get_job(name) for name in job_names()]


def runs(job: str, count: int) -> list[dict[str, Any]]:
    """Hourly runs of a job up to now: every seventh failed, and the last one is still running."""
    rows = []
    for at in range(count):
        started = NOW - dt.timedelta(hours=count - at)
        failed, running = at % 7 == 3, at == count - 1
        rows.append(
            {
                "run_id": f"run-{at:03}",
                "job": job,
                "attempt": 1,
                "profile": None,
                "version": "0.1.0",
                "started_at": started,
                "finished_at": None if running else started + dt.timedelta(seconds=1.5 * at + 1),
                "status": "running" if running else "failed" if failed else "done",
                "rows_read": 100 * at,
                "rows_written": 0 if failed else 90 * at,
                "rows_quarantined": 1,
                "error": f"login failed: PWD={SECRET}; {NASTY}" if failed else None,
            }
        )
    return rows


def keep(config: Config, logged: list[dict[str, Any]], aside: list[tuple[str, str, str]]) -> None:
    """Put runs, and rows set aside (job, table, reason), where jobs keep them."""
    settings = config.database("orders")
    frame = pl.DataFrame(logged, schema=EtlRuns.create_empty().schema)
    db.write_frame(frame, RUNS_TABLE, settings, mode="append", contract=EtlRuns)
    kept = pl.DataFrame(
        [
            (job, "run-001", table, NOW, reason, f'{{"id": {number}}}')
            for number, (job, table, reason) in enumerate(aside)
        ],
        schema=EtlQuarantine.create_empty().schema,
        orient="row",
    )
    db.write_frame(kept, QUARANTINE_TABLE, settings, mode="append", contract=EtlQuarantine)


@dataclass(frozen=True)
class Site:
    """A page that was made, and what it was made of."""

    config: Config
    catalog: Catalog
    text: str
    path: Path

    @property
    def url(self) -> str:
        return self.path.as_uri()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page with runs and rows set aside."""
    folder = tmp_path_factory.mktemp("catalog")
    shutil.copy(ROOT / "config.yaml", folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("MONDAY_API_TOKEN", SECRET)
        reset_config()
        config = load_config(folder / "config.yaml")
        nasty = nasty_job()
        keep(
            config,
            [*runs("board-planning", 40), *runs("audit", 1), *runs(nasty.name, 8)],
            [
                *[("board-planning", "dbo.board_planning", f"cut_qty: '{n} pcs' is no number") for n in range(9)],
                ("board-planning", "dbo.board_planning", f"title: {NASTY}"),
                ("board-planning", "dbo.board_planning", f"{LONG} {SECRET}"),
                ("audit", "dbo.gone_by_now", "customer: null"),
            ],
        )  # fmt: skip
        catalog, warnings = collect(config, [*all_jobs(), nasty], now=NOW)
        assert warnings == ()
        text = render(catalog)
    # The variables are put back before other tests run.
    yield Site(config, catalog, text, write_page(text, folder / "site"))
    close_databases()
    reset_config()


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of the page, gone after them.

    Not for the whole session: while it runs, its event loop stands in the way of others.
    """
    playwright = required_module("playwright.sync_api", "playwright (uv sync)")
    with playwright.sync_playwright() as started:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        own = Path(started.chromium.executable_path)
        require(
            found is not None or own.exists(),
            "Chromium (apt install chromium, or uv run playwright install chromium)",
        )
        root = getattr(os, "geteuid", lambda: 1)() == 0
        opened = started.chromium.launch(
            executable_path=found, args=[*ARGUMENTS, *(["--no-sandbox"] if root else [])]
        )
        yield opened
        opened.close()
