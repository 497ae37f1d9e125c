"""T-SQL's functions that SQLite lacks, by the names that sqlglot leaves them."""

from __future__ import annotations

import calendar
import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, Final

from etl.io.databases.sqlite_values import stored_value

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS"]


def _part(unit: str) -> Callable[[str | None], int | None]:
    def part(text: str | None) -> int | None:
        return None if text is None else int(getattr(dt.datetime.fromisoformat(text), unit))

    return part


def _stuff(text: str | None, start: int, length: int, new: str | None) -> str | None:
    if text is None or not 1 <= start <= len(text) or length < 0:
        return None
    return text[: start - 1] + (new or "") + text[start - 1 + length :]


def _month_end(text: str | None) -> str | None:
    if text is None:
        return None
    day = dt.date.fromisoformat(text[:10])
    return day.replace(day=calendar.monthrange(day.year, day.month)[1]).isoformat()


# Name, count of arguments, function.
FUNCTIONS: Final[tuple[tuple[str, int, Callable[..., Any]], ...]] = (
    ("year", 1, _part("year")),
    ("month", 1, _part("month")),
    ("day", 1, _part("day")),
    ("last_day", 1, _month_end),
    ("stuff", 4, _stuff),
    ("uuid", 0, lambda: str(uuid.uuid4())),
    ("getutcdate", 0, lambda: stored_value(dt.datetime.now(dt.UTC).replace(tzinfo=None))),
)
