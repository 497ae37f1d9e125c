"""The audit customer by customer: no row of it is another's than that of all at once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given, settings
from polars.testing import assert_frame_equal

from etl.jobs.audit_parts import audit_by_customer
from etl.transforms.audit import audit_results
from tests.transforms.audit.frames import inputs, orders_of, scans_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def by_customer(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as place:
        packed, shipped, orders, names = (frame.lazy() for frame in frames)
        found = audit_by_customer(packed, shipped, orders, names, Path(place)).collect()
        assert {path.suffix for path in Path(place).iterdir()} == {".parquet"}
    return found


@settings(max_examples=2)
@given(frames=inputs(max_size=6))
def test_customer_by_customer_is_all_at_once(frames: list[pl.DataFrame]) -> None:
    assert_frame_equal(by_customer(frames), audit_results(*frames), check_exact=True)


def test_an_unknown_customer_that_is_called_as_a_known_one_is_in_its_part() -> None:
    """``zephyr`` is the name of whom ``zed`` stands for, and no alias: nobody knows it as such."""
    names = pl.DataFrame({"alias_key": ["zed", "nw"], "customer": ["zephyr", "NW"], "style_fields": ["style"] * 2})  # fmt: skip
    key = {"po_number": "A-1", "style": "LS1", "color": "Navy"}
    shipped = scans_of([{**key, "customer": "Zed", "size": "S", "quantity": 4}])
    orders = orders_of([{"CUSTOMER NAME": "ZEPHYR", "PO NUMBER": "A-1", "STYLE": "LS1", "COLOR": "Navy", "S": 4}])  # fmt: skip
    frames = [scans_of([]), shipped, orders, names]
    found = by_customer(frames)
    assert_frame_equal(found, audit_results(*frames), check_exact=True)
    assert found["match_type"].to_list() == ["EXACT"]
