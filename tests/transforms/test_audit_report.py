"""Properties of the frames that the audit's workbooks show."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.audit import AuditResults, AuditSummary
from etl.contracts.check import split
from etl.errors import ContractError
from etl.testing import Engine, hand_over
from etl.transforms.audit_report import FIELDS, audit_report
from tests.audit_results import audit_tables
from tests.parity import parity

TABLES = st.builds(audit_tables, st.integers(0, 60), st.integers(0, 10**6))
QUANTITIES = ["ordered_qty", "packed_qty", "shipped_qty"]


def metrics(frame: pl.DataFrame) -> dict[str, float | None]:
    return dict(frame.select("metric", "value").rows())


def test_the_tables_of_these_tests_keep_their_contracts() -> None:
    results, summary = audit_tables(300, 1)
    assert split(results, AuditResults).rejected.height == 0
    assert split(summary, AuditSummary).rejected.height == 0


@given(tables=TABLES)
def test_every_row_is_in_the_sheets_that_show_all(
    tables: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    results, summary = tables
    frames = audit_report(results, summary)
    assert frames["transactions"].sort("audit_key").equals(results.sort("audit_key"))
    for name in ("match_analysis", "po_variance"):
        assert frames[name]["rows"].sum() == results.height
        for quantity in QUANTITIES:
            assert frames[name][quantity].sum() == results[quantity].sum()
    assert sorted(frames["rankings"]["customer"]) == sorted(summary["customer"])
    assert frames["rankings"]["rank"].to_list() == list(range(1, summary.height + 1))
    variance = frames["po_variance"]["variance_qty"].sum()
    assert variance == results["ordered_qty"].sum() - results["shipped_qty"].sum()


@given(tables=TABLES)
def test_the_dashboard_is_the_sum_of_the_customers(
    tables: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    results, summary = tables
    frames = audit_report(results, summary)
    told = metrics(frames["dashboard"])
    assert told["Rows in all"] == results.height
    for word, metric in (("EXACT", "Exact matches"), ("NO_MATCH", "Shipments without an order")):
        assert told[metric] == results.filter(match_type=word).height
    for quantity, metric in zip(
        QUANTITIES, ("Ordered quantity", "Packed quantity", "Shipped quantity"), strict=True
    ):
        assert told[metric] == results[quantity].sum()
        parts = frames["customer_summary"].filter(metric=metric)["value"].sum()
        assert parts == told[metric]
    fuzzy = results.filter(match_type="FUZZY")["match_score"].mean()
    assert told["Average score of fuzzy matches"] == pytest.approx(fuzzy)


@given(tables=TABLES)
def test_fields_that_differ_are_counted_and_shown(
    tables: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    results, summary = tables
    frames = audit_report(results, summary)
    matched = results.filter(pl.col("match_type").is_in(["EXACT", "FUZZY"]))
    issues = dict(frames["field_issues"].group_by("field").agg(pl.col("rows").sum()).rows())
    for row, (name, called) in zip(
        frames["fields"].iter_rows(named=True), FIELDS.items(), strict=True
    ):
        different = matched.filter(~pl.col(f"{name}_match")).height
        assert row["field"] == called
        assert (row["rows"], row["different"]) == (matched.height, different)
        assert row["same"] + row["different"] == row["rows"]
        assert issues.get(called, 0) == different
    rates = frames["customer_fields"].join(summary, on="customer", suffix="_told")
    for name in FIELDS:
        left, right = rates[f"{name}_match_rate"], rates[f"{name}_match_rate_told"]
        assert left.to_list() == pytest.approx(right.to_list())


@given(tables=TABLES)
def test_a_problem_customer_has_a_reason_and_others_have_none(
    tables: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    results, summary = tables
    problems = audit_report(results, summary)["problems"]
    shipments = pl.col("exact_count") + pl.col("fuzzy_count") + pl.col("no_match_count")
    odd = summary.filter(
        ~pl.col("known_customer")
        | ((pl.col("exact_count") + pl.col("fuzzy_count")) / shipments < 0.9)
        | (pl.col("variance_pct").abs() > 5)
        | (pl.col("unfulfilled_rate") > 0.1)
    )
    assert set(problems["customer"]) == set(odd["customer"])
    assert problems["problems"].str.len_chars().min() is None or all(problems["problems"])
    unknown = problems.filter(~pl.col("known_customer"))
    assert unknown["problems"].str.starts_with("unknown: no customer").all()


@given(tables=TABLES, seed=st.integers(0, 9))
def test_the_order_of_rows_does_not_matter(
    tables: tuple[pl.DataFrame, pl.DataFrame], seed: int
) -> None:
    results, summary = tables
    frames = audit_report(results, summary)
    shuffled = audit_report(
        results.sample(fraction=1, shuffle=True, seed=seed),
        summary.sample(fraction=1, shuffle=True, seed=seed),
    )
    for name, frame in frames.items():
        assert_frame_equal(shuffled[name], frame, rel_tol=1e-12)


@parity(audit_report)
@settings(max_examples=2)
@given(tables=TABLES)
def test_every_engine_gives_the_same(
    engine: Engine, tables: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    frames = audit_report(*hand_over(engine, *tables))
    for name, expected in audit_report(*tables).items():
        read = engine.read(frames[name])
        assert read.columns == expected.columns
        assert_frame_equal(read.cast(dict(expected.schema)), expected, rel_tol=1e-12)


def test_no_results_give_empty_sheets_and_a_dashboard_of_zeros() -> None:
    frames = audit_report(AuditResults.create_empty(), AuditSummary.create_empty())
    assert metrics(frames["dashboard"])["Shipped quantity"] == 0
    assert {name for name, frame in frames.items() if frame.height} == {"dashboard", "fields"}


def test_a_missing_column_is_named() -> None:
    results, summary = audit_tables(3)
    with pytest.raises(ContractError, match=r"audit_report, summary: .* no column records"):
        audit_report(results, summary.drop("records"))
