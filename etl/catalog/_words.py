"""Numbers, times and counts as the page writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["clock", "count", "lasting", "number", "offset", "shortened"]

_NARROW = "\u202f"  # a space that no line is broken at


def number(value: int) -> str:
    """A whole number in groups of three.

    >>> number(1234567).replace("\\u202f", " ")
    '1 234 567'
    """
    return f"{value:,}".replace(",", _NARROW)


def count(value: int, noun: str, plural: str | None = None) -> str:
    """A number and what is counted.

    >>> count(1, "row"), count(2, "entry", "entries")
    ('1 row', '2 entries')
    """
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def lasting(seconds: float | None) -> str:
    """A duration, to the precision that matters.

    >>> lasting(0.234), lasting(59.7), lasting(125), lasting(7325), lasting(None)
    ('0.2 s', '1 min 0 s', '2 min 5 s', '2 h 2 min', '–')
    """
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def clock(time: dt.datetime) -> str:
    """A time to the minute, in its own zone.

    >>> import datetime as dt
    >>> clock(dt.datetime(2026, 11, 26, 9, 5, 59))
    '2026-11-26 09:05'
    """
    return f"{time:%Y-%m-%d %H:%M}"


def offset(time: dt.datetime) -> str:
    """How far a time's zone is from UTC.

    >>> import datetime as dt
    >>> offset(dt.datetime(2026, 7, 1, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))))
    'UTC+05:30'
    """
    told = f"{time:%z}"
    return "UTC" if told in ("", "+0000") else f"UTC{told[:3]}:{told[3:]}"


def shortened(text: str, length: int) -> str:
    """A text with its middle left out, where it is too long: names differ at their ends.

    >>> shortened("customer_master_schedule_subitems", 20)
    'customer_m…_subitems'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"
