"""Slowing down before the wall: the budget that monday reports, and the one for formulas."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FormulaQuota", "RateLimits"]

# What each policy's window lasts when the header does not say when it ends. Policies that are not
# listed (the daily one) are none that waiting helps with.
_WINDOWS: Final = {"minuteRate": 60.0, "complexityMinute": 60.0, "concurrency": 1.0}
_POLICY: Final = re.compile(r'"(?P<name>[^"]+)"(?P<parameters>(?:\s*;\s*\w+=[^;,]*)*)')
_PARAMETER: Final = re.compile(r";\s*(\w+)=\s*(\d{1,12})\s*(?=[;,]|$)")
_LONGEST: Final = 120.0


class RateLimits:
    """What is left of monday's budgets, as the ``RateLimit`` header of the last answer told.

    The price of a request in complexity is not known beforehand: it is taken to be what the last
    one cost, which is the difference between two headers.

    Parameters
    ----------
    clock
        Gives seconds; only differences count.

    Examples
    --------
    >>> limits = RateLimits(clock=lambda: 0.0)
    >>> limits.note('"minuteRate";r=0;t=45, "concurrency";r=35')
    >>> limits.delay()
    45.0
    >>> limits.note('"minuteRate";r=90, "concurrency";r=35')
    >>> limits.delay()
    0.0

    Notes
    -----
    The header is that of https://developer.monday.com/api-reference/docs/rate-limits.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: dict[str, tuple[int, float]] = {}
        self._price = 1

    def note(self, header: str | None) -> None:
        """Take an answer's header into account; None, or one that can't be read, tells nothing."""
        for policy in _POLICY.finditer(header or ""):
            name = policy["name"]
            values = dict(_PARAMETER.findall(policy["parameters"]))
            if name not in _WINDOWS or "r" not in values:
                continue
            left = int(values["r"])
            if name == "complexityMinute" and name in self._left:
                # It falls within a window, and rises when a new one begins.
                self._price = max(self._left[name][0] - left, 1)
            seconds = float(values.get("t", _WINDOWS[name]))
            self._left[name] = (left, self._clock() + min(seconds, _LONGEST))

    def delay(self) -> float:
        """Seconds to wait before the next request, so that it does not meet a limit."""
        now = self._clock()
        waits = [
            ends - now
            for name, (left, ends) in self._left.items()
            if left < (self._price if name == "complexityMinute" else 1)
        ]
        return max([0.0, *waits])

    def reset(self) -> None:
        """Forget what was left: a wait is over."""
        self._left.clear()


class FormulaQuota:
    """The values of formula columns that one minute may hold: 10,000, and "" past that.

    An empty formula can't be told from one that the quota cut off. So the quota is kept: a page
    waits until it fits into the minute.

    Parameters
    ----------
    clock
        Gives seconds; only differences count.
    values
        How many values a minute may hold.

    Examples
    --------
    >>> now = 0.0
    >>> quota = FormulaQuota(clock=lambda: now, values=1000)
    >>> quota.note(800)
    >>> quota.delay(500)
    61.0
    >>> now = 61.0
    >>> quota.delay(500)
    0.0
    """

    _WINDOW: Final = 61.0
    """A minute, and a second for the clocks to differ and the answer to travel."""

    def __init__(self, *, clock: Callable[[], float], values: int) -> None:
        self._clock = clock
        self._values = values
        self._read: deque[tuple[float, int]] = deque()

    def note(self, values: int) -> None:
        """Count the values that an answer brought."""
        self._read.append((self._clock(), values))

    def delay(self, values: int) -> float:
        """Seconds to wait until the minute has room for so many values more."""
        now = self._clock()
        while self._read and self._read[0][0] + self._WINDOW <= now:
            self._read.popleft()
        in_window = sum(count for _, count in self._read)
        wait = 0.0
        for when, count in self._read:
            if in_window + values <= self._values:
                break
            in_window -= count
            wait = when + self._WINDOW - now
        return wait
