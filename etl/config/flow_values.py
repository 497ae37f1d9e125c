"""What Kestra takes as a duration, a time zone or a name: one rule for each, in words.

The configuration is checked with these and so are flows. Each function gives None for a good value,
and else a sentence that says what is wrong and what to write instead.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from functools import cache
from typing import Final

__all__ = [
    "duration_problem",
    "duration_seconds",
    "flow_id_problem",
    "label_key_problem",
    "namespace_problem",
    "secret_name_problem",
    "time_zone_problem",
]

_RESERVED: Final = frozenset(
    [
        "pause",
        "resume",
        "force-run",
        "change-status",
        "kill",
        "executions",
        "search",
        "source",
        "disable",
        "enable",
    ]
)


_DURATION: Final = re.compile(
    r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?", re.IGNORECASE
)


def duration_seconds(text: str) -> float | None:
    """How many seconds an ISO 8601 duration is, as Java reads one; None for what is none.

    >>> duration_seconds("P1DT1M"), duration_seconds("1h")
    (86460.0, None)
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    return sum(
        float(part or 0) * unit
        for part, unit in zip(match.groups(), (86400, 3600, 60, 1), strict=True)
    )


def duration_problem(text: str) -> str | None:
    """What is wrong with an ISO 8601 duration.

    >>> duration_problem("PT1H30M"), duration_problem("P1DT0.5S")
    (None, None)
    >>> duration_problem("1h")
    "'1h' is no ISO 8601 duration: write PT30S, PT15M, PT2H or P1D"
    """
    seconds = duration_seconds(text)
    if seconds is None:
        return f"{text!r} is no ISO 8601 duration: write PT30S, PT15M, PT2H or P1D"
    return None if seconds > 0 else f"{text!r} is no time at all"


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def time_zone_problem(text: str) -> str | None:
    """What is wrong with a time zone's name.

    >>> time_zone_problem("Etc/UTC"), time_zone_problem("Europe/Berln")
    (None, "'Europe/Berln' is no time zone; did you mean 'Europe/Berlin'?")
    """
    zones = _time_zones()
    if text in zones:
        return None
    close = difflib.get_close_matches(text, sorted(zones), n=1)
    hint = f"did you mean {close[0]!r}?" if close else "write Etc/UTC or Europe/Berlin, say"
    return f"{text!r} is no time zone; {hint}"


def namespace_problem(text: str) -> str | None:
    """What is wrong with a namespace.

    >>> namespace_problem("company.data"), namespace_problem("Company")
    (None, "'Company' is no namespace: lowercase letters, digits, and . _ - between them")
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]*", text) and len(text) <= 150:
        return None
    return f"{text!r} is no namespace: lowercase letters, digits, and . _ - between them"


def flow_id_problem(text: str) -> str | None:
    """What is wrong with a flow's id.

    >>> flow_id_problem("board-planning"), flow_id_problem("pause")
    (None, "'pause' is reserved: it is a part of Kestra's addresses")
    """
    if text in _RESERVED:
        return f"{text!r} is reserved: it is a part of Kestra's addresses"
    if re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}", text):
        return None
    return (
        f"{text!r} is no flow's id: up to 100 of a-z, A-Z, 0-9 and . _ -, a letter or digit first"
    )


def label_key_problem(text: str) -> str | None:
    """What is wrong with a label's key.

    >>> label_key_problem("managed-by"), label_key_problem("system.x") is None
    (None, False)
    """
    if text.startswith("system."):
        return f"label {text!r}: labels of `system.` are Kestra's own"
    if re.fullmatch(r"[a-z][a-zA-Z0-9._/-]*", text):
        return None
    return (
        f"label {text!r} must begin with a lowercase letter, and hold letters, digits and . _ / -"
    )


def secret_name_problem(text: str) -> str | None:
    """What is wrong with a secret's name.

    >>> secret_name_problem("ALERT_WEBHOOK_URL"), secret_name_problem("https://x") is None
    (None, False)
    """
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        return None
    return "must be the name of a secret in Kestra, such as ALERT_WEBHOOK_URL, and not its value"
