"""The audit end to end: samples, results against the kept truth, workbooks, and a look at one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from etl.config import Config, load_config
from etl.contracts.audit import AuditResults, AuditSummary
from etl.contracts.samples import SampleAuditTruth
from etl.io import db_helper as db
from etl.io.databases import close_databases
from etl.io.sample_tables import fill
from etl.runner import execute
from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.runner import RunResult

ROOT = Path(__file__).parents[2]
NOTE = re.compile(r"precision ([0-9.]+), recall ([0-9.]+) \((\d+) right of (\d+) matched, (\d+) in")


def sampled(directory: Path, *, rows: int, seed: int) -> Config:
    """A directory with the shipped configuration, and the samples in its databases."""
    shutil.copy(ROOT / "config.yaml", directory)
    config = load_config(directory / "config.yaml")
    fill(config, rows=rows, seed=seed)
    return config


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN"):
            patch.delenv(name, raising=False)
        yield sampled(tmp_path_factory.mktemp("audit"), rows=2000, seed=5)
        close_databases()


@pytest.fixture(scope="module")
def first(config: Config) -> RunResult:
    return execute("audit", config)


@pytest.fixture(scope="module")
def reports(config: Config, first: RunResult) -> Path:
    assert first.exception is None
    made = execute("audit-report", config)
    assert made.exception is None
    assert len(made.files) > 10
    return config.path.parent / "data" / "reports"


def stored(config: Config, table: str, contract: type) -> pl.DataFrame:
    rows = db.read_frame(table, config.database("orders"), contract=contract)
    return rows.sort(contract.primary_key())


def test_the_matching_is_as_good_as_it_has_to_be(config: Config, first: RunResult) -> None:
    assert first.exception is None
    [told] = [found for note in first.notes if (found := NOTE.search(note))]
    precision, recall, right, matched, true = (float(group) for group in told.groups())
    assert precision == pytest.approx(right / matched, abs=1e-4)
    assert recall == pytest.approx(right / true, abs=1e-4)
    assert precision >= 0.99
    assert recall >= 0.97
    truth = stored(config, "sample_audit_truth", SampleAuditTruth)
    assert true == truth["order_number"].count()
    results = stored(config, "dbo.audit_results", AuditResults)
    assert matched == results["match_type"].is_in(["EXACT", "FUZZY"]).sum()


def test_again_changes_nothing(config: Config, first: RunResult) -> None:
    again = execute("audit", config)
    assert again.exception is None
    assert (again.rows_written, sum(out.changes.deleted for out in again.outputs)) == (0, 0)
    sample = execute("run-audit", config, sample=100)
    assert sample.exception is None
    assert sample.outputs[0].rows < first.outputs[0].rows
    # A sample has tables of its own.
    assert execute("audit", config).rows_written == 0


def test_shuffled_rows_give_the_same_to_the_row(
    config: Config, first: RunResult, tmp_path: Path
) -> None:
    other = sampled(tmp_path, rows=2000, seed=5)
    for name, table in (
        ("orders", "dbo.orders_unified"),
        ("distribution", "dbo.packed"),
        ("warehouse", "dbo.shipped"),
    ):
        rows = db.read_frame(table, other.database(name)).sample(fraction=1, shuffle=True, seed=7)
        db.write_frame(rows, table, other.database(name), mode="replace")
    assert execute("audit", other).exception is None
    for table, contract in (
        ("dbo.audit_results", AuditResults),
        ("dbo.audit_summary", AuditSummary),
    ):
        assert_frame_equal(stored(other, table, contract), stored(config, table, contract))


def test_the_workbooks_hold_what_is_stored(config: Config, reports: Path) -> None:
    results = stored(config, "dbo.audit_results", AuditResults)
    one = results["customer"].drop_nulls().value_counts(sort=True)["customer"][0]
    book = openpyxl.load_workbook(reports / f"audit - {one}.xlsx", read_only=True)
    own = results.filter(customer=one)
    assert book["All transactions"].max_row - 1 == own.height
    again = execute("audit-report", config)
    assert (again.exception, again.files) == (None, ())


def test_a_dashboard_looks_like_one(reports: Path, tmp_path: Path) -> None:
    office, ppm = shutil.which("soffice"), shutil.which("pdftoppm")
    require(
        office is not None and ppm is not None,
        "LibreOffice and poppler (apt install libreoffice-calc-nogui poppler-utils)",
    )
    assert office is not None
    assert ppm is not None
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    convert = ["--headless", "--convert-to", "pdf", "--outdir", str(tmp_path)]
    subprocess.run(
        [office, profile, *convert, str(reports / "audit.xlsx")], check=True, capture_output=True
    )
    picture = tmp_path / "page"
    first = ["-r", "60", "-f", "1", "-l", "1", "-singlefile"]
    subprocess.run([ppm, *first, str(tmp_path / "audit.pdf"), str(picture)], check=True)
    header, size, _, pixels = (picture.with_suffix(".ppm").read_bytes()).split(b"\n", 3)
    width, height = map(int, size.split())
    assert (header, len(pixels)) == (b"P6", 3 * width * height)
    seen = pl.Series([pixels[at : at + 3].hex() for at in range(0, len(pixels), 3)])
    counts = dict(seen.value_counts().iter_rows())
    # The colours of the charts fill areas, and not a line alone; the rest is paper.
    for color in ("2a9d8f", "c44536"):
        assert counts.get(color, 0) > 100, color
    assert counts["ffffff"] > seen.len() / 2
