"""What went wrong, decided from the body of monday's answer and only then from the HTTP status.

monday has two error shapes, and sends either with HTTP 200 at times::

    {"errors": [{"message": "...", "extensions": {"code": "...", "retry_in_seconds": 60}}]}
    {"error_code": "...", "error_message": "...", "status_code": 429, "error_data": {...}}

Source: https://developer.monday.com/api-reference/docs/error-handling
"""

from __future__ import annotations

import email.utils
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["Failure", "classify", "classify_aliases"]

Verdict = Literal["retry", "cursor", "denied", "fatal"]

# Codes and messages as they are compared: letters and digits alone, in lower case.
_VERDICTS: Final[tuple[tuple[Verdict, re.Pattern[str]], ...]] = (
    (
        "fatal",
        re.compile(
            r"dailylimitexceeded|dailyratelimit|exceededthedailylimit|^invalidboardid(exception)?$"
        ),
    ),
    (
        "denied",
        re.compile(
            r"^(userunauthorized\w*|unauthorized\w*|notauthenticated|unauthenticated|userauthentication"
            r"\w*|forbidden|invalidtoken|missingtoken|useraccessdenied|missingrequiredpermissions)$"
        ),
    ),
    ("cursor", re.compile(r"^cursor(expired)?(error|exception)$|cursor(has|is|was)?expired")),
    (
        "retry",
        re.compile(
            r"complexitybudgetexhausted|complexityexception|ratelimitexceeded|limitrateexceeded"
            r"|minutelimitexceeded|maxconcurrencyexceeded|concurrencylimitexceeded"
            r"|fieldlimitexceeded|idempotencyconflict|resourcelocked|boardlocked"
            r"|apitemporarilyblocked|internalservererror|serviceunavailable|toomanyrequests"
        ),
    ),
)
_RETRIED_STATUS: Final = frozenset({408, 409, 423, 425, 429})
# After these the work may have been done, or may still be under way.
_UNCERTAIN_STATUS: Final = frozenset({408, 409})
_UNCERTAIN: Final = re.compile(
    r"internalservererror|serviceunavailable|idempotencyconflict|timeout"
)
_INTERNAL: Final = "internalservererror"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that failed: what to do about it, and what to tell.

    ``verdict``: ``retry`` the request, start again for a new ``cursor``, or give up because the
    token was ``denied`` or because nothing helps (``fatal``). ``wait`` is how many seconds the
    server asked to wait; None leaves that to the client.

    ``uncertain``: what was asked for may have been done all the same. ``ended``: but nobody is at
    work on it any more, because monday itself says that it failed. ``stops``: no other request
    would fare better, because of the token, the day's limit or the board.
    """

    verdict: Verdict
    message: str
    wait: float | None = None
    uncertain: bool = False
    ended: bool = False
    stops: bool = False


def classify(
    status: int, headers: Mapping[str, str], body: object, *, parsed: bool = True
) -> Failure | None:
    """Decide whether an answer is one, and what to do if it is not.

    Parameters
    ----------
    status
        The HTTP status.
    headers
        The HTTP headers, to be looked up in lower case.
    body
        The parsed JSON.
    parsed
        False: the body is no JSON, and ``body`` is not looked at.

    Returns
    -------
    Failure or None
        None for an answer whose ``data`` can be used. Any error makes the whole answer a failure,
        whatever data came with it.

    Examples
    --------
    >>> classify(200, {}, {"data": {"boards": []}}) is None
    True
    >>> old = {"error_code": "ComplexityException", "status_code": 429,
    ...        "error_data": {"retry_in_seconds": 15}}
    >>> failure = classify(200, {}, old)
    >>> failure.verdict, failure.wait
    ('retry', 15.0)
    """
    wait = _retry_after(headers)
    request = headers.get("x-request-id")
    by_http = _of_status(status) or "fatal"
    if not parsed:
        text = f"the answer is not JSON (HTTP {status}, {headers.get('content-type', 'no type')})"
        return _failure(by_http, [text], request, wait, uncertain=True)
    if not isinstance(body, dict):
        text = f"the answer is no JSON object (HTTP {status})"
        return _failure(by_http, [text], request, wait, uncertain=True)
    errors = list(_errors(body))
    if not errors:
        if status >= 400:
            uncertain = status >= 500 or status in _UNCERTAIN_STATUS
            return _failure(by_http, [f"HTTP {status}"], request, wait, uncertain=uncertain)
        if not isinstance(body.get("data"), dict):
            text = "the answer holds no data"
            return _failure("fatal", [text], request, wait, uncertain=True)
        return None
    asked = [error.wait for error in errors if error.wait is not None]
    verdicts = {_verdict(error) for error in errors}
    by_status = next((found for error in errors if (found := _of_status(error.status))), None)
    verdict = next(
        (known for known in ("fatal", "denied", "cursor", "retry") if known in verdicts),
        by_status or by_http,
    )
    return _failure(
        verdict,
        [error.text for error in errors],
        next((error.request for error in errors if error.request), _request_id(body) or request),
        max(asked) if asked else wait,
        uncertain=status >= 500
        or status in _UNCERTAIN_STATUS
        or any(error.uncertain for error in errors),
        ended=all(_INTERNAL in _plain(f"{error.code} {error.message}") for error in errors),
        stops=verdict == "denied" or "fatal" in verdicts,
    )


def classify_aliases(body: object, aliases: Collection[str]) -> dict[str, Failure] | None:
    """Tell apart what became of each of a request's aliases.

    Parameters
    ----------
    body
        The parsed JSON.
    aliases
        The names that the document gives its fields.

    Returns
    -------
    dict or None
        A failure for each alias that an error's ``path`` names; None if there is no data, or an
        error that names none: then the request failed as a whole.

    Examples
    --------
    >>> body = {"data": {"a0": {"id": "7"}, "a1": None},
    ...         "errors": [{"message": "no such label", "path": ["a1"]}]}
    >>> classify_aliases(body, ["a0", "a1"])
    {'a1': Failure(verdict='fatal', message='no such label', ...)}
    """
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        return None
    entries = body.get("errors")
    if not isinstance(entries, list) or not entries:
        return None
    by_alias: dict[str, list[Any]] = {}
    for entry in entries:
        path = _mapping(entry).get("path")
        if not isinstance(path, list) or not path or path[0] not in aliases:
            return None
        by_alias.setdefault(path[0], []).append(entry)
    found: dict[str, Failure] = {}
    for alias, own in by_alias.items():
        failure = classify(200, {}, {"errors": own})
        if failure is not None:
            found[alias] = failure
    return found


@dataclass(frozen=True, kw_only=True)
class _Error:
    """One entry of ``errors``, or the older body as a whole."""

    message: str
    code: str
    status: int | None
    wait: float | None
    request: str | None

    @property
    def text(self) -> str:
        return f"{self.message} ({self.code})" if self.code else self.message

    @property
    def uncertain(self) -> bool:
        known = _UNCERTAIN.search(_plain(self.code)) or _UNCERTAIN.search(_plain(self.message))
        status = self.status or 0
        return bool(known) or status >= 500 or status in _UNCERTAIN_STATUS


def _errors(body: Mapping[str, Any]) -> Iterator[_Error]:
    old = _mapping(body.get("error_data"))
    entries = body.get("errors")
    for entry in entries if isinstance(entries, list) else [entries] if entries else []:
        fields = _mapping(entry)
        more = _mapping(fields.get("extensions"))
        yield _Error(
            message=_text(fields.get("message")) or _text(entry) or "an error without a message",
            code=_text(more.get("code")) or _text(body.get("error_code")),
            status=_status(more.get("status_code")) or _status(body.get("status_code")),
            wait=_first(
                _seconds(more.get("retry_in_seconds")),
                _milliseconds(more.get("retryAfterMs")),
                _seconds(_mapping(more.get("error_data")).get("retry_in_seconds")),
                _seconds(old.get("retry_in_seconds")),
            ),
            request=_text(more.get("request_id")) or None,
        )
    code, message = _text(body.get("error_code")), _text(body.get("error_message"))
    status = _status(body.get("status_code"))
    if not entries and (code or message or (status is not None and status >= 400)):
        yield _Error(
            message=message or (f"status {status}" if status else "an error without a message"),
            code=code,
            status=status,
            wait=_seconds(old.get("retry_in_seconds")),
            request=_request_id(body),
        )


def _verdict(error: _Error) -> Verdict | None:
    for verdict, pattern in _VERDICTS:
        for text in (error.code, error.message):
            if pattern.search(_plain(text)):
                return verdict
    return None


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _of_status(status: int | None) -> Verdict | None:
    if status is None:
        return None
    if status in (401, 403):
        return "denied"
    return "retry" if status in _RETRIED_STATUS or status >= 500 else None


def _failure(
    verdict: Verdict,
    texts: list[str],
    request: str | None,
    wait: float | None,
    *,
    uncertain: bool = False,
    ended: bool = False,
    stops: bool = False,
) -> Failure:
    # Servers repeat themselves, and a message can hold a whole query: a few short ones will do.
    shown = "; ".join(list(dict.fromkeys(" ".join(text.split())[:300] for text in texts))[:3])
    return Failure(
        verdict=verdict,
        message=f"{shown} [request {request}]" if request else shown,
        wait=wait,
        uncertain=uncertain,
        ended=ended,
        stops=stops,
    )


def _request_id(body: Mapping[str, Any]) -> str | None:
    more = _mapping(body.get("extensions"))
    return _text(more.get("request_id")) or _text(body.get("request_id")) or None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _seconds(value: object) -> float | None:
    """A number of seconds, as a number or as text; nonsense is as good as nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _milliseconds(value: object) -> float | None:
    found = _seconds(value)
    return None if found is None else found / 1000


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """``Retry-After``: seconds, or a date (RFC 9110, 10.2.3), measured by the server's own clock."""
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is not None:
        return seconds
    until = _date(value)
    if until is None:
        return None
    now = _date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
