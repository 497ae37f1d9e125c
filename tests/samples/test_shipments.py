"""Generated shipments and the truth about them: complete, conserved, and decidable."""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.check import split
from etl.contracts.keys import name_key
from etl.contracts.orders_unified import SAMPLE_SIZES
from etl.contracts.samples import SampleAuditTruth
from etl.samples.customers import CUSTOMERS
from etl.samples.orders import ODD_KINDS, SIZES
from etl.samples.shipments import NOISE
from etl.samples.tables import sample_tables
from tests.documents import ROOT, rows_below
from tests.reference_audit import Shipment, combined, match, order_lines

SEEDS = st.integers(-(2**70), 2**70)
NAMES = {name_key(name): c.name for c in CUSTOMERS for name in (c.name, *c.aliases)}
STYLES = {customer.name: customer.style for customer in CUSTOMERS}
KEY = ("customer", "po_number", "alt_po", "style", "pattern", "color", "size")
LINE = ("order_number", "order_po", "order_style", "order_color", "order_size")


@cache
def tables(rows: int, seed: int) -> dict[str, pl.DataFrame]:
    return {made.table.rpartition(".")[2]: made.rows for made in sample_tables(rows, seed)}


def told(truth: pl.DataFrame) -> dict[Shipment, dict[str, Any]]:
    return {Shipment(*(row[name] for name in KEY)): row for row in truth.iter_rows(named=True)}


def up_to(table: pl.DataFrame, name: str, rows: int) -> pl.DataFrame:
    """The rows that the first ``rows`` order lines gave: numbers grow with lines, sizes and scans."""
    of_a_line = len(SIZES) * 2 * (1 if name == "truth_id" else 3)
    return table.filter(pl.col(name) <= rows * of_a_line)


@settings(max_examples=5)
@given(seed=SEEDS, rows=st.integers(0, 60), more=st.integers(1, 60))
def test_what_left_depends_on_seed_and_line_alone(seed: int, rows: int, more: int) -> None:
    small, large = tables(rows, seed), tables(rows + more, seed)
    for table, number in (("packed", "packed_id"), ("shipped", "shipped_id"), ("sample_audit_truth", "truth_id")):  # fmt: skip
        assert_frame_equal(up_to(large[table], number, rows), small[table])


@settings(max_examples=5)
@given(seed=SEEDS)
def test_every_seed_keeps_the_contracts(seed: int) -> None:
    for made in sample_tables(120, seed):
        assert split(made.rows, made.contract).rejected.is_empty()


@settings(max_examples=5)
@given(seed=SEEDS)
def test_the_truth_is_what_packed_and_shipped_say_combined(seed: int) -> None:
    made = tables(240, seed)
    truth = told(made["sample_audit_truth"])
    assert len(truth) == made["sample_audit_truth"].height
    sums = {shipment: (row["packed_qty"], row["shipped_qty"]) for shipment, row in truth.items()}
    assert combined(made["packed"], made["shipped"], NAMES) == sums


@settings(max_examples=5)
@given(seed=SEEDS)
def test_the_truth_names_lines_that_were_ordered(seed: int) -> None:
    made = tables(240, seed)
    lines = {
        (line.customer, line.order_number, line.po_number, line.style, line.color, line.size)
        for line in order_lines(made["orders_unified"], NAMES)
    }
    for row in made["sample_audit_truth"].iter_rows(named=True):
        if row["noise"] in {"no_order", "unknown_customer"}:
            assert [row[name] for name in LINE] == [None] * 5
        else:
            assert (row["customer"], *(row[name] for name in LINE)) in lines


def test_the_truth_can_not_hold_half_a_line() -> None:
    truth = tables(500, 0)["sample_audit_truth"].head(3)
    half = truth.with_columns(order_color=pl.lit(None, dtype=pl.String))
    assert "an_order_line_is_whole" in " ".join(split(half, SampleAuditTruth).rejected["reason"])


def test_each_kind_of_noise_is_there_and_does_what_it_says() -> None:
    made = tables(2000, 0)
    truth = made["sample_audit_truth"]
    assert set(truth["noise"]) == set(NOISE)
    for row in truth.iter_rows(named=True):
        po, style, color = (row[f"order_{part}"] for part in ("po", "style", "color"))
        noise = row["noise"]
        if noise in {"no_order", "unknown_customer"}:
            assert (row["customer"] in STYLES) <= (noise == "no_order")
            continue
        assert row["size"] == row["order_size"]
        assert (row["po_number"] == po) == (
            noise not in {"po_typo", "po_and_style_typo", "po_swapped", "alt_po_only", "po_in_alt_po", "unreadable"}
        ), row  # fmt: skip
        assert (row["color"] == color) == (noise not in {"color_typo", "missing_color"}), row
        assert (row["style"] is None) == (noise in {"style_in_pattern", "missing_style"}), row
        if noise in {"po_swapped", "po_in_alt_po"}:
            assert row["alt_po"] == po
        if noise == "style_in_pattern":
            assert row["pattern"] == style
        if noise == "style_typo":
            fields = STYLES.get(row["customer"], ("style",))
            assert row["style"] != style or "pattern" in fields


def test_the_documents_tell_each_kind() -> None:
    text = (ROOT / "docs/samples.md").read_text(encoding="utf-8")
    kinds = [row[0].strip("`") for row in rows_below(text, "## What is wrong in the shipments")]
    assert kinds == list(NOISE)
    odd = [row[0].strip("`") for row in rows_below(text, "## What is wrong in the orders")]
    assert odd == list(dict.fromkeys(kind for kind in ODD_KINDS if kind))


def test_scans_are_as_scanners_write_them() -> None:
    made = tables(2000, 0)
    for table in ("packed", "shipped"):
        scans = made[table]
        words = {value for name in KEY for value in scans[name] if value is not None}
        assert {"None", "nan", "NULL", "NaT", ""} <= words
        assert any(value != value.strip() for value in words)
        assert any(value == value.lower() and value != value.upper() for value in scans["style"] if value)  # fmt: skip
        assert set(scans["size"].str.strip_chars()) >= set(SAMPLE_SIZES)
        assert (scans["quantity"] > 0).all()
        assert scans.select(KEY).is_duplicated().any()  # one line, scanned several times
    named = {NAMES.get(name_key(name)) for name in made["packed"]["customer"]}
    assert named >= set(STYLES)
    assert None in named


def test_more_and_less_than_was_ordered_leaves_and_much_has_not_left_yet() -> None:
    made = tables(2000, 0)
    lines = order_lines(made["orders_unified"], NAMES)
    ordered = {(line.order_number, line.style, line.color, line.size): count for line, count in lines.items()}  # fmt: skip
    left: dict[Any, int] = {}
    for row in made["sample_audit_truth"].filter(pl.col("order_number").is_not_null()).iter_rows(named=True):  # fmt: skip
        line = (row["order_number"], row["order_style"], row["order_color"], row["order_size"])
        left[line] = left.get(line, 0) + row["shipped_qty"]
    more = sum(count > ordered[line] for line, count in left.items())
    less = sum(count < ordered[line] for line, count in left.items())
    assert min(more, less) > 50
    assert max(more, less) < len(left) / 2
    assert len(ordered) > 2 * len(left)
    assert made["sample_audit_truth"].filter(pl.col("packed_qty") == 0).height > 10
    assert made["sample_audit_truth"].filter(pl.col("shipped_qty") == 0).height > 10


@pytest.mark.parametrize(("rows", "seed"), [(500, 0), (500, 1), (1000, 77)])
def test_the_rules_find_the_truth(rows: int, seed: int) -> None:
    """Row by row, by the audit's rules: nearly all that can be found is, and nearly nothing else."""
    made = tables(rows, seed)
    truth = told(made["sample_audit_truth"])
    found = match(truth, order_lines(made["orders_unified"], NAMES), STYLES)
    right = matched = there = 0
    kinds = set()
    for shipment, row in truth.items():
        kind, line = found[shipment]
        kinds.add(kind)
        known = None if row["order_number"] is None else tuple(row[name] for name in LINE)
        given = line and (line.order_number, line.po_number, line.style, line.color, line.size)
        matched += given is not None
        there += known is not None
        right += given is not None and given == known
    assert kinds == {"EXACT", "FUZZY", "NO_MATCH"}
    assert right / matched >= 0.99
    assert right / there >= 0.97
