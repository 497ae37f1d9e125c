"""What a notebook shows of the package's objects: escaped, bounded, without secrets."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config import DatabaseSettings, load_config
from etl.contracts.check import split
from etl.io import db_helper as db
from etl.io.tables import TableRows
from etl.jobs import get_job, job_names
from etl.jobs.base import Job, Table
from etl.markup import COLUMNS, ROWS, TEXT, facts, frame_table, paragraphs, section, table
from etl.runner import Changes, execute, run
from etl.testing import texts

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config import Config

VOID = {"br", "hr"}
PASSWORD = "Tee4Two&more"


class Shown(HTMLParser):
    """The text of some HTML, and its elements; every one of them is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.elements: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def shown(thing: Any) -> str:
    """The text that a notebook shows of an object."""
    return " ".join(Shown(thing._repr_html_()).text)


class Lines(dy.Schema):
    line = dy.Int64(primary_key=True)
    note = dy.String(max_length=30, nullable=True)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("SALES_PW", PASSWORD)
    monkeypatch.delenv("NOT_THERE", raising=False)
    (tmp_path / "config.yaml").write_text(
        "databases:\n"
        "  orders: {url: 'sqlite:///orders.db'}\n"
        "  sales: {url: 'postgresql://etl:${SALES_PW}@127.0.0.1:1/sales'}\n"
        "  other: {host: sql01, database: other, username: etl, password: '${NOT_THERE}'}\n",
        encoding="utf-8",
    )
    return load_config(tmp_path / "config.yaml")


@given(st.lists(texts(), min_size=1, max_size=4))
def test_no_text_becomes_an_element(given_texts: list[str]) -> None:
    hostile = [f"<script>alert('{text}')</script>\"&" for text in given_texts]
    frame = pl.DataFrame({name: [name] for name in dict.fromkeys(hostile)})
    made = section(
        hostile[0],
        paragraphs(hostile),
        facts((text, text) for text in hostile),
        table(hostile, [hostile], caption=hostile[0]),
        frame_table(frame, caption=hostile[0]),
        frame_table(frame.clear(), caption=hostile[0]),
    )
    assert set(Shown(made).elements) <= {
        "section", "h4", "p", "table", "caption", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip


def test_nothing_grows_with_the_data() -> None:
    names = [f"column {at}" for at in range(500)]
    rows = [["x" * 10_000] * 500] * 1_000
    made = table(names, rows)
    assert len(made) < (ROWS + 1) * COLUMNS * (TEXT + 50)
    told = " ".join(Shown(made).text)
    assert f"and {1_000 - ROWS} more rows and {500 - COLUMNS} more columns" in told
    wide = pl.DataFrame({name: ["x" * 10_000] * 100 for name in names})
    assert len(frame_table(wide)) < 6 * COLUMNS * (TEXT + 50)


@pytest.mark.parametrize("name", job_names())
def test_every_job_shows_what_it_reads_and_writes(name: str) -> None:
    job = get_job(name)
    told = shown(job)
    assert name in told
    for step in job.steps:
        for reader in step.inputs.values():
            assert reader.describe() in told
        for output in step.tables.values():
            assert output.table in told


def test_a_configuration_shows_no_secret_and_says_what_is_not_set(config: Config) -> None:
    told = shown(config)
    assert "postgresql://127.0.0.1:1/sales" in told
    assert "the environment variable NOT_THERE is not set" in told
    settings = config.database("sales")
    assert "password set" in shown(settings)
    for html in (config._repr_html_(), settings._repr_html_()):
        assert "Tee4Two" not in html


def test_an_option_of_a_url_is_not_shown() -> None:
    settings = DatabaseSettings.from_url("postgresql://etl@db/sales?sslpassword=Tee4Two")
    assert "Tee4Two" not in settings._repr_html_()


def test_a_run_its_load_and_its_preview(config: Config) -> None:
    orders = config.database("orders")
    rows = pl.DataFrame({"line": [1, 2, 3], "note": ["a", "<b>", "c" * 31]})
    loaded = db.write_frame(rows, "dbo.raw", orders)
    assert "inserted 3" in shown(loaded)
    source = TableRows(database="orders", table="dbo.raw", contract=Lines)
    job = Job(
        name="lines",
        inputs={"raw": source},
        transform=lambda raw: raw,
        outputs={"lines": Table("orders", "dbo.lines", contract=Lines)},
    )
    assert "<b>" in shown(job.read(config=config))
    preview = shown(job.preview(config=config))
    assert "2 rows that keep the contract" in preview
    assert "1 rows set aside" in preview
    planned = shown(run(job, config, dry_run=True))
    assert "nothing was written" in planned
    assert "would be inserted" in planned
    done = shown(run(job, config))
    assert "lines: done" in done
    assert "longer than 30" in done
    assert "longer than 30" in shown(split(rows, Lines))
    assert "no row is set aside" in shown(split(rows[:2], Lines))


def test_a_run_that_fails_says_why_without_the_secret(config: Config) -> None:
    job = Job(
        name="unreachable",
        inputs={"raw": TableRows(database="sales", table="raw", contract=Lines)},
        transform=lambda raw: raw,
        outputs={"lines": Table("sales", "lines", contract=Lines)},
    )
    result = execute(job, config)
    assert "unreachable: failed" in shown(result)
    assert "Tee4Two" not in result._repr_html_()


def test_changes() -> None:
    assert shown(Changes(inserted=1, deleted=2)) == "inserted 1 updated 0 deleted 2 unchanged 0"
