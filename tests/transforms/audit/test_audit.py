"""Properties of the whole audit: against the rules row by row, and what must hold of any of it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.audit import NO_CUSTOMER, AuditResults, AuditSummary
from etl.contracts.check import split
from etl.errors import ContractError
from etl.samples.tables import sample_tables
from etl.testing import Engine, assert_engine_parity
from etl.transforms.audit import (
    audit,
    audit_results,
    audit_rows,
    combine,
    match_cross_field,
    match_exact,
    match_fuzzy,
    match_notes,
    match_quality,
    sample_audit,
    sampled,
    standardise,
    summarise,
    uncounted,
    unpivot,
)
from tests.parity import parity
from tests.reference_audit import Line, Shipment, combined, match, order_lines, score
from tests.transforms.audit.frames import CUSTOMERS, NAMES, ORDERS, STYLES, inputs

SHIPMENT = ["customer", "po_number", "alt_po", "style", "pattern", "color", "size"]
LINE = ["customer", "order_po", "order_alt_po", "order_style", "order_pattern", "order_color", "order_size"]  # fmt: skip
SHIPPED = pl.col("match_type") != "UNFULFILLED"


def sample(rows: int, seed: int = 0) -> dict[str, pl.DataFrame]:
    return {each.table.removeprefix("dbo."): each.rows for each in sample_tables(rows, seed)}


def customers() -> pl.DataFrame:
    from etl.config import load_config
    from etl.io.rules import Customers
    from etl.io.source import ReadContext
    from tests.documents import ROOT

    return Customers().read(ReadContext(config=load_config(ROOT / "config.yaml"))).frame


def of_sample(rows: int, seed: int = 0) -> list[pl.DataFrame]:
    made = sample(rows, seed)
    names = ("packed", "shipped", "orders_unified")
    return [*(made[name] for name in names), customers(), made["sample_audit_truth"]]


@settings(max_examples=40)
@given(frames=inputs())
def test_the_rules_row_by_row_say_the_same(frames: list[pl.DataFrame]) -> None:
    packed, shipped, orders, names = frames
    shipments = combined(packed, shipped, NAMES)
    lines = order_lines(orders, NAMES)
    expected = {}
    for shipment, (kind, line) in match(shipments, lines, STYLES).items():
        fields = STYLES.get(str(shipment.customer), ("style",))
        told = None if line is None else 100.0 if kind == "EXACT" else score(shipment, line, fields)
        tenth = None if told is None else int(told * 10 + 0.5) / 10
        expected[shipment] = (*shipments[shipment], kind, tenth, line)
    found = {}
    for row in audit_results(packed, shipped, orders, names).filter(SHIPPED).iter_rows(named=True):
        named = {**row, "customer": None if row["customer"] == NO_CUSTOMER else row["customer"]}
        line = None
        if row["match_type"] != "NO_MATCH":
            line = Line(*(named[name] for name in LINE), row["order_number"])
        shipment = Shipment(*(named[name] for name in SHIPMENT))
        told = (row["packed_qty"], row["shipped_qty"], row["match_type"], row["match_score"])
        found[shipment] = (*told, line)
    assert found == expected


@given(frames=inputs())
def test_nothing_is_lost_and_nothing_counted_twice(frames: list[pl.DataFrame]) -> None:
    packed, shipped, orders, _ = frames
    results = audit_results(*frames)
    ours = [rows.filter(pl.col("size").str.strip_chars().str.to_uppercase().ne_missing("SMS")) for rows in (packed, shipped)]  # fmt: skip
    assert results["packed_qty"].sum() == ours[0]["quantity"].sum()
    assert results["shipped_qty"].sum() == ours[1]["quantity"].sum()
    assert results["ordered_qty"].sum() == orders.select(pl.sum_horizontal("S", " m", "XL")).sum().item()  # fmt: skip
    # Each order line is on rows that match it, or on one of its own.
    lines = results.filter(pl.col("order_line_qty").is_not_null())
    each = lines.group_by(LINE).agg(
        pl.col("ordered_qty").sum(),
        pl.col("order_line_qty").n_unique().alias("quantities"),
        pl.col("order_line_qty").first(),
        (pl.col("ordered_qty") > 0).sum().alias("counted"),
        (~SHIPPED).sum().alias("unfulfilled"),
        pl.len(),
    )
    assert (each["ordered_qty"] == each["order_line_qty"]).all()
    assert (each["counted"] == 1).all()
    assert (each["quantities"] == 1).all()
    assert ((each["unfulfilled"] == 0) | (each["len"] == 1)).all()


@settings(max_examples=12)
@given(frames=inputs())
def test_results_and_summary_keep_their_contracts(frames: list[pl.DataFrame]) -> None:
    found = audit(*frames)
    for name, contract in (("results", AuditResults), ("summary", AuditSummary)):
        checked = split(found[name], contract)
        assert checked.rejected.height == 0, checked.rejected["reason"].to_list()
        assert checked.good.height == found[name].height
    summary, results = found["summary"], found["results"]
    assert summary["records"].sum() == results.height
    for name in ("packed_qty", "shipped_qty", "ordered_qty"):
        assert summary[name].sum() == results[name].sum()
    kinds = pl.sum_horizontal("exact_count", "fuzzy_count", "no_match_count", "unfulfilled_count")
    assert summary.select((kinds == pl.col("records")).all()).item()


@settings(max_examples=12)
@given(frames=inputs(), seed=st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(frames: list[pl.DataFrame], seed: int) -> None:
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in frames]
    found = audit(*shuffled)
    for name, expected in audit(*frames).items():
        assert_frame_equal(found[name], expected, check_exact=True)


@settings(max_examples=12)
@given(frames=inputs(), rows=st.integers(1, 12))
def test_a_sample_is_some_of_the_rows(frames: list[pl.DataFrame], rows: int) -> None:
    full = audit_results(*frames)
    kept = sample_audit(*frames, sample=rows)
    assert kept["results"].height == min(rows, full.height)
    assert_frame_equal(full.join(kept["results"], on="audit_key", how="semi"), kept["results"], check_exact=True)  # fmt: skip
    assert_frame_equal(summarise(kept["results"]), kept["summary"])


def test_a_sample_of_nothing_is_refused() -> None:
    empty = [frame.clear() for frame in of_sample(1)[:4]]
    with pytest.raises(ContractError, match="at least 1 row, not 0"):
        sample_audit(*empty, sample=0)
    assert sample_audit(*empty, sample=3)["results"].height == 0


@settings(max_examples=12)
@given(frames=inputs(max_size=4))
def test_the_input_is_not_changed(frames: list[pl.DataFrame]) -> None:
    before = [frame.clone() for frame in frames]
    audit(*frames)
    for frame, was in zip(frames, before, strict=True):
        assert_frame_equal(frame, was, check_exact=True)


@parity(
    audit, audit_results, sample_audit, sampled, standardise, unpivot, uncounted, combine, match_exact,
    match_cross_field, match_fuzzy, audit_rows, summarise, match_notes,
)  # fmt: skip
def test_every_engine_gives_the_same_values_and_types(engine: Engine) -> None:
    frames = of_sample(36, seed=3)
    results = audit(*frames)["results"]
    assert set(results["match_type"]) == {"EXACT", "FUZZY", "NO_MATCH", "UNFULFILLED"}
    contract = {"results": AuditResults, "summary": AuditSummary}
    # All that there are, and then some of them.
    for sample in (results.height,) if engine.slow else (results.height, 7):
        assert_engine_parity(
            sample_audit, *frames, engines=[engine], contract=contract, in_order=True, sample=sample
        )
    assert_engine_parity(
        sampled, results, engines=[engine], contract=AuditResults, in_order=True, rows=7
    )


@parity(match_quality)
def test_every_engine_finds_the_same_quality(engine: Engine) -> None:
    frames = of_sample(36, seed=3)
    assert_engine_parity(match_quality, audit_results(*frames[:4]), frames[-1], engines=[engine])


def test_columns_without_a_value_have_no_type_and_are_no_problem() -> None:
    frames = of_sample(24)
    bare = [
        frame.with_columns(
            pl.lit(None).alias(name)
            for name in frame.columns
            if name in {"pattern", "PATTERN", "alt_po", "ALT PO"}
        )
        for frame in frames[:3]
    ]
    typed = [frame.with_columns(pl.col(pl.Null).cast(pl.String)) for frame in bare]
    assert_frame_equal(audit_results(*bare, frames[3]), audit_results(*typed, frames[3]))


@pytest.mark.parametrize("seed", [0, 11])
def test_samples_are_matched_as_they_should_be(seed: int) -> None:
    frames = of_sample(2400, seed)
    found = audit(*frames)
    matched, right, findable = match_quality(found["results"], frames[-1]).row(0)
    assert findable > 1800
    assert right / matched >= 0.99
    assert right / findable >= 0.97
    [note] = found["notes"]["note"]
    assert f"({right} right of {matched} matched, {findable} in the sample's truth)" in note
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=5) for frame in frames]
    for name, frame in audit(*shuffled).items():
        assert_frame_equal(frame, found[name], check_exact=True)


def test_a_wrong_match_costs_precision_and_a_missing_one_recall() -> None:
    frames = of_sample(240)
    results = audit(*frames)["results"]
    matched, right, findable = match_quality(results, frames[-1]).row(0)
    exact = results.filter(pl.col("match_type") == "EXACT")["audit_key"]
    wrong = pl.when(pl.col("audit_key") == exact[0]).then(pl.lit("SO-0")).otherwise("order_number")
    changed = results.with_columns(wrong.alias("order_number"))
    assert match_quality(changed, frames[-1]).row(0) == (matched, right - 1, findable)
    missed = results.with_columns(
        match_type=pl.when(pl.col("audit_key") == exact[0])
        .then(pl.lit("NO_MATCH"))
        .otherwise("match_type")
    )
    assert match_quality(missed, frames[-1]).row(0) == (matched - 1, right - 1, findable)


def test_nothing_at_all_is_nothing() -> None:
    from etl.contracts.shipments import Packed, Shipped

    empty = [Packed.create_empty(), Shipped.create_empty(), ORDERS.create_empty(), CUSTOMERS]
    found = audit(*empty)
    assert found["results"].schema == pl.Schema(AuditResults)
    assert found["summary"].schema == pl.Schema(AuditSummary)
    assert found["results"].height == found["summary"].height == 0
