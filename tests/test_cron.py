"""When a schedule comes round next, against a clock that is looked at every minute."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.cron import cron_problem, next_times

BERLIN = "Europe/Berlin"


def named(text: str, value: int) -> bool:
    """Whether a field of one form each names a value: ``*``, ``*/n``, ``a-b`` or ``a,b``."""
    if text.startswith("*"):
        return value % int(text.partition("/")[2] or 1) == 0
    if "-" in text:
        low, high = map(int, text.split("-"))
        return low <= value <= high
    return value in map(int, text.split(","))


def shows(cron: str, wall: dt.datetime) -> bool:
    minute, hour, day, month, weekday = cron.split()
    on_date, on_weekday = named(day, wall.day), named(weekday, wall.isoweekday() % 7)
    either = day != "*" and weekday != "*"
    fits = on_date or on_weekday if either else on_date and on_weekday
    return fits and all(
        named(text, value)
        for text, value in ((minute, wall.minute), (hour, wall.hour), (month, wall.month))
    )


def field(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high)
    pair = st.tuples(one, one).map(sorted)
    forms = [st.just("*"), pair.map(lambda p: f"{p[0]},{p[1]}"), pair.map(lambda p: f"{p[0]}-{p[1]}")]  # fmt: skip
    return st.one_of(
        *forms, *([st.sampled_from(["*/7", "*/20"])] if low == 0 and high > 20 else [])
    )


@given(
    cron=st.tuples(field(0, 59), field(0, 23), field(1, 28), st.just("*"), field(0, 6)).map(" ".join),
    after=st.integers(0, 360 * 24 * 3600),
)  # fmt: skip
def test_it_is_what_a_clock_on_the_wall_shows(cron: str, after: int) -> None:
    assert cron_problem(cron) is None
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=after)
    times = next_times(cron, "Etc/UTC", start, count=3)
    assert len(times) == 3
    assert start < times[0] < times[1] < times[2]
    assert all(shows(cron, time) for time in times)
    # Nothing is left out in between: a day of minutes before the last of them.
    minute = start.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    seen = [
        at
        for number in range(min(24 * 60, int((times[2] - minute) / dt.timedelta(minutes=1))))
        if shows(cron, at := minute + dt.timedelta(minutes=number))
    ]
    assert seen == [time for time in times if time in seen]


@pytest.mark.parametrize(
    ("cron", "after", "times"),
    [
        # The clock leaps from 2 to 3 in March, and passes 2 to 3 twice in October.
        ("30 2 * * *", "2026-03-28T02:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("0,30 2 * * *", "2026-03-28T02:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]),
        ("30 2 * * *", "2026-10-24T12:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("30 * * * *", "2026-10-25T00:00", ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]),
        ("30 * * * *", "2026-03-29T00:00", ["2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"]),
        ("0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00+01:00", "2032-02-29T00:00+01:00"]),
        ("0 6 13 * FRI", "2026-11-07T00:00", ["2026-11-13T06:00+01:00", "2026-11-20T06:00+01:00"]),
        ("@daily", "2026-11-26T10:00", ["2026-11-27T00:00+01:00", "2026-11-28T00:00+01:00"]),
    ],
)
def test_leaps_of_the_clock_leap_years_and_names(cron: str, after: str, times: list[str]) -> None:
    start = dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC)
    found = next_times(cron, BERLIN, start, count=2)
    assert [time.isoformat(timespec="minutes") for time in found] == times
    assert all(time.tzinfo == ZoneInfo(BERLIN) for time in found)


def test_what_is_no_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="hour '24' is not from 0 to 23"):
        next_times("0 24 * * *", "Etc/UTC", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
