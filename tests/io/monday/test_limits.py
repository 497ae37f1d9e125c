"""The budgets: when to wait, and that nonsense in a header tells nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.io.monday.limits import FormulaQuota, RateLimits
from tests.io.monday.conftest import Clock


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        ('"minuteRate";r=90, "concurrency";r=35, "complexityMinute";r=800000;t=45', 0.0),
        ('"minuteRate";r=0;t=12, "concurrency";r=35', 12.0),
        ('"minuteRate";r=0', 60.0),  # a window of a minute: at most that long
        ('"concurrency";r=0', 1.0),
        ('"complexityMinute";r=0;t=45', 45.0),
        ('"complexityMinute"; t=45; r=0', 45.0),
        ('"minuteRate";r=0;t=99999', 120.0),  # never longer, whatever it says
        ('"dailyRate";r=0;t=40000', 0.0),  # the day is not waited for
        ("nonsense", 0.0),
        ("", 0.0),
        ('"minuteRate";r=;t=, "minuteRate', 0.0),
        (None, 0.0),
    ],
)
def test_what_a_header_says(header: str | None, delay: float) -> None:
    limits = RateLimits(clock=Clock())
    limits.note(header)
    assert limits.delay() == delay


def test_time_that_passed_counts() -> None:
    clock = Clock()
    limits = RateLimits(clock=clock)
    limits.note('"minuteRate";r=0;t=12')
    clock.sleep(5)
    assert limits.delay() == pytest.approx(7)
    clock.sleep(8)
    assert limits.delay() == 0


@given(st.text(max_size=60))
def test_any_header_is_survived(header: str) -> None:
    limits = RateLimits(clock=Clock())
    limits.note(header)
    assert 0 <= limits.delay() <= 120


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_no_minute_ever_holds_more_formulas_than_the_quota(pages: list[int]) -> None:
    clock = Clock()
    quota = FormulaQuota(clock=clock, values=1000)
    read: list[tuple[float, int]] = []
    for values in pages:
        clock.sleep(quota.delay(values))
        quota.note(values)
        read.append((clock.now, values))
    for begin, _ in read:
        assert sum(values for when, values in read if begin <= when < begin + 60) <= 1000
