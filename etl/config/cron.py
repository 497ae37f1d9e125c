"""Cron expressions: what Kestra's Schedule takes, and when one comes round next."""

from __future__ import annotations

import datetime as dt
import re
from itertools import islice
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["cron_problem", "next_times"]

# cron-utils as Kestra's Schedule sets it up: plain Unix fields, strict ranges, no L, W, # or ?.
_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_Field = tuple[str, int, int, dict[str, int]]
_FIELDS: Final[tuple[_Field, ...]] = (
    ("second", 0, 59, {}),
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: at for at, name in enumerate(_MONTHS, start=1)}),
    ("day of week", 0, 7, {name: at for at, name in enumerate(_DAYS)}),
)
_NICKNAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LONGEST_MONTH: Final = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
# The 29th of February on a given weekday, at the turn of a century without a leap year.
_LONGEST_WAIT: Final = dt.timedelta(days=41 * 366)


def cron_problem(text: str, *, seconds: bool = False) -> str | None:
    """What is wrong with a cron expression; ``seconds`` puts a field for them in front.

    >>> cron_problem("0 */4 * * MON-FRI"), cron_problem("@daily")
    (None, None)
    >>> cron_problem("0 24 * * *")
    "hour '24' is not from 0 to 23"
    """
    if text.startswith("@"):
        return None if text in _NICKNAMES else f"{text!r} is none of {', '.join(_NICKNAMES)}"
    parts = text.split()
    fields = _FIELDS if seconds else _FIELDS[1:]
    if len(parts) != len(fields):
        told = ", ".join(name for name, *_ in fields)
        hint = "; six fields need `withSeconds: true`" if len(parts) == len(fields) + 1 else ""
        return f"has {len(parts)} fields instead of {len(fields)} ({told}){hint}"
    chosen = _chosen(parts, fields)
    if isinstance(chosen, str):
        return chosen
    days, months, weekdays = chosen[-3:]
    every = len(weekdays) >= len(_DAYS)
    if every and all(min(days) > _LONGEST_MONTH.get(month, 31) for month in months):
        return f"never comes: no month {parts[-2]} has a day {parts[-3]}"
    return None


def _chosen(parts: Sequence[str], fields: Sequence[_Field]) -> list[frozenset[int]] | str:
    """The values that each field names, or what is wrong with the first that can't be read."""
    chosen: list[frozenset[int]] = []
    for part, field in zip(parts, fields, strict=True):
        values = _cron_field(part, *field)
        if isinstance(values, str):
            return values
        chosen.append(values)
    return chosen


def _cron_field(
    text: str, name: str, low: int, high: int, names: dict[str, int]
) -> frozenset[int] | str:
    chosen: set[int] = set()
    for item in text.split(","):
        match = re.fullmatch(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", item)
        if match is None:
            return f"{name} {item!r} can't be read: write *, 5, 1-5, */15 or 1,15"
        first, last, step = match.groups()
        ends = [low, high]
        for at, given in enumerate((first, last or (None if step else first))):
            if given is not None:
                value = int(given) if given.isdecimal() else names.get(given.upper(), -1)
                if not low <= value <= high:
                    also = f", or {', '.join(names)}" if names else ""
                    return f"{name} {given!r} is not from {low} to {high}{also}"
                ends[at] = value
        if ends[0] > ends[1]:
            return f"{name} {item!r} runs backwards: write it as two, such as 22-23,0-4"
        if step is not None and not 1 <= int(step) <= high:
            return f"{name} {item!r} has a step that is not from 1 to {high}"
        chosen.update(range(ends[0], ends[1] + 1, int(step or 1)))
    return frozenset(chosen)


def next_times(
    cron: str, zone: str, after: dt.datetime, *, count: int = 1
) -> tuple[dt.datetime, ...]:
    """When a schedule comes round next.

    A day counts if its date or its weekday is named, where both are. A time that the clock leaps
    over comes at the moment after the leap; one that the clock passes twice comes once, unless the
    schedule is for every hour.

    Parameters
    ----------
    cron
        Five fields, or a nickname such as ``@daily``.
    zone
        The time zone whose clock is meant.
    after
        An aware datetime; times are later than it.
    count
        How many at most.

    Returns
    -------
    tuple of datetime
        In the zone, in order; none where the schedule never comes round.

    Raises
    ------
    ValueError
        The expression can't be read.

    Examples
    --------
    >>> now = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC)
    >>> [f"{time:%a %H:%M %z}" for time in next_times("30 2 * * *", "Europe/Berlin", now, count=2)]
    ['Sun 03:00 +0200', 'Mon 02:30 +0200']
    """
    problem = cron_problem(cron)
    parts = _NICKNAMES.get(cron, cron).split()
    chosen = "" if problem else _chosen(parts, _FIELDS[1:])
    if problem is not None or not isinstance(chosen, list):
        raise ValueError(f"cron {cron!r}: {problem}")
    return tuple(islice(_times(parts, chosen, ZoneInfo(zone), after), count))


def _times(
    parts: Sequence[str], chosen: Sequence[frozenset[int]], zone: ZoneInfo, after: dt.datetime
) -> Iterator[dt.datetime]:
    minutes, hours, days, months, weekdays = chosen
    every_hour, either = parts[1].startswith("*"), parts[2] != "*" and parts[4] != "*"
    last = after.astimezone(dt.UTC)
    day = after.astimezone(zone).date()
    for _ in range(_LONGEST_WAIT.days):
        named = (day.day in days, bool({day.isoweekday(), day.isoweekday() % 7} & weekdays))
        if day.month in months and (any(named) if either else all(named)):
            clock = [dt.time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)]
            moments = {
                moment
                for time in clock
                for moment in _moments(dt.datetime.combine(day, time, zone), twice=every_hour)
            }
            for moment in sorted(moments):
                if moment > last:
                    yield moment.astimezone(zone)
        if day == dt.date.max:
            return
        day += dt.timedelta(days=1)


def _moments(wall: dt.datetime, *, twice: bool) -> list[dt.datetime]:
    """The moments in UTC at which a clock on the wall shows a time, or leaps over it."""
    first, second = (wall.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    if first <= second:
        return [first, second] if twice and first < second else [first]
    # Between the two readings of a time that is not there lies the leap itself.
    while first - second > dt.timedelta(minutes=1):
        middle = second + (first - second) // 2
        middle = middle.replace(second=0, microsecond=0)
        if middle.astimezone(wall.tzinfo).utcoffset() == second.astimezone(wall.tzinfo).utcoffset():
            second = middle
        else:
            first = middle
    return [first]
