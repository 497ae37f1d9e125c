"""The client: one request at a time, repeated while that can help, never with a part of an answer."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import tenacity
from pydantic_core import from_json

from etl.errors import ConfigError, LoadError, SourceError, TransientError
from etl.io.monday._upload import upload
from etl.io.monday.errors import Failure, classify, classify_aliases
from etl.io.monday.limits import RateLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from pydantic import SecretStr

    from etl.io.monday.documents import Document

__all__ = ["API_URL", "API_VERSION", "Answer", "MondayClient", "RetryPolicy"]

API_URL: Final = "https://api.monday.com/v2"
API_VERSION: Final = "2026-10"

# No connection was made, so nothing was asked for.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long a request is repeated: attempts in all, and seconds waited in all.

    Where the server does not say how long to wait, waits double from ``first_wait`` up to
    ``longest_wait`` seconds, and up to ``jitter`` seconds are added, so that several clients that
    were turned away together do not come back together.
    """

    attempts: int = 6
    max_wait: float = 600.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    jitter: float = 1.0


@dataclass(frozen=True)
class Answer:
    """The ``data`` of an answer that had no error; of a mutation's, none but its aliases'.

    ``failures`` are those of single aliases. ``replayed``: monday answered from memory, because it
    had seen the idempotency key before.
    """

    data: Mapping[str, Any]
    failures: Mapping[str, Failure] = field(default_factory=dict)
    replayed: bool = False


class MondayClient:
    """Sends query documents to monday.com's GraphQL API.

    Rate limits, locked boards, server errors, timeouts and lost connections are waited out within
    ``retry``'s bounds; the ``RateLimit`` header slows the client down before it meets a limit.
    Close it, or use it as a context manager; closing wakes it from any wait.

    Parameters
    ----------
    url
        The API's address.
    token
        A personal API token, or None for a server that needs none. It is sent as a header and
        shows up nowhere else.
    api_version
        The version of the API that is asked for, such as ``"2026-10"``.
    timeout
        Seconds that connecting, and each wait for data, may take.
    retry
        The bounds of repeating.
    transport
        How requests travel; None is the network. The sample board has a transport of its own.
    sleep, clock
        Wait for some seconds; the current time in seconds. Tests give their own.

    Raises
    ------
    ConfigError
        The token can't be a token, or the address no address. The token is not in the message.

    Examples
    --------
    >>> from etl.io.monday.documents import BOARD
    >>> from etl.io.monday.sample import SampleTransport
    >>> with MondayClient(API_URL, None, transport=SampleTransport(rows=3)) as client:
    ...     data = client.execute(BOARD, {"board": ["1"]})
    >>> data["boards"][0]["items_count"]
    3
    """

    def __init__(
        self,
        url: str,
        token: SecretStr | None,
        *,
        api_version: str = API_VERSION,
        timeout: float = 60.0,
        retry: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._retry = retry or RetryPolicy()
        self._closing = threading.Event()
        self._sleep = sleep or self._closing.wait
        self._limits = RateLimits(clock=clock)
        self._backoff = tenacity.wait_exponential_jitter(
            multiplier=self._retry.first_wait,
            max=self._retry.longest_wait,
            jitter=self._retry.jitter,
        )
        headers = {"API-Version": api_version}
        secret = "" if token is None else token.get_secret_value().strip()
        if secret:
            # httpx would quote a header value that it can't send in its error: ours does not.
            if not (secret.isascii() and secret.isprintable() and " " not in secret):
                raise ConfigError(
                    "the token for monday.com holds characters that no token has; "
                    "set MONDAY_API_TOKEN to the token alone"
                )
            headers["Authorization"] = secret
        self._secret = secret
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ConfigError(
                f"monday.com's URL can't be read ({error}): set MONDAY_API_URL"
            ) from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigError("monday.com's URL must be https://host/path: set MONDAY_API_URL")
        self._http = httpx.Client(headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MondayClient({self._url.host!r})"

    def close(self) -> None:
        """Close connections and end waits; a request under way in another thread gives up."""
        self._closing.set()
        self._http.close()

    def pause(self, seconds: float, reason: str) -> None:
        """Wait, saying why in the log."""
        if seconds > 0:
            _log.info("monday.com: waiting %.1f s: %s", seconds, reason)
            self._rest(seconds)

    def execute(self, document: Document, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a document and give the answer's data.

        Parameters
        ----------
        document
            One of :mod:`etl.io.monday.documents`.
        variables
            The values of its variables.

        Raises
        ------
        SourceError
            monday refused it, or did not answer within the bounds of repeating.
        """
        answer = self.send(document, variables)
        if isinstance(answer, Failure):
            raise self.error(answer)
        return answer.data

    def send(self, document: Document, variables: Mapping[str, Any]) -> Answer | Failure:
        """Send a document like :meth:`execute`, but give a failure back instead of raising it."""
        return self._repeated(_is_retryable, document, variables)

    def mutate(
        self, document: Document, variables: Mapping[str, Any], *, key: str
    ) -> Answer | Failure:
        """Send a document that changes something.

        It is repeated only after failures that left nothing done. After an uncertain one (no
        answer, a server error) the caller looks what was done, and then decides.

        Parameters
        ----------
        document
            A mutation, whose fields have aliases.
        variables
            The values of its variables.
        key
            The ``Idempotency-Key``, a UUID: monday does what comes with one key once, as long as
            it remembers the key.

        Returns
        -------
        Answer or Failure
            An answer may hold failures of single aliases.
        """
        return self._repeated(_is_retryable_surely, document, variables, key)

    def backoff(self, attempt: int, failure: Failure) -> None:
        """Wait before attempt ``attempt`` + 1 at something that failed."""
        policy = self._retry
        asked = failure.wait
        if asked is None:
            asked = min(policy.first_wait * 2 ** (attempt - 1), policy.longest_wait)
        self.pause(min(asked, policy.max_wait), failure.message)

    @property
    def attempts(self) -> int:
        """How many attempts something is worth."""
        return self._retry.attempts

    def upload(self, url: str, content: bytes) -> Failure | None:
        """PUT a CSV file to an address that monday gave; the token is not sent there.

        Returns
        -------
        Failure or None
            None if the file was taken.
        """
        return upload(url, content, timeout=self._http.timeout)

    def _repeated(
        self,
        worth: Callable[[Answer | Failure], bool],
        document: Document,
        variables: Mapping[str, Any],
        key: str | None = None,
    ) -> Answer | Failure:
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_result(worth),
            wait=self._wait,
            stop=self._is_enough,
            sleep=self._rest,
            before_sleep=_log_retry,
            retry_error_callback=_given_up,
        )
        return attempts(self._send_once, document, variables, key)

    def write_error(self, failure: Failure) -> LoadError:
        """Make the exception for a failure that ended a write."""
        text = str(self.error(failure))
        return LoadError(text) if failure.stops else TransientError(text)

    def error(self, failure: Failure) -> SourceError:
        """Make the exception for a failure: what happened, and what to do next."""
        if failure.verdict == "denied":
            return SourceError(
                f"monday.com ({self._url.host}) refused the token: {failure.message}; set "
                "MONDAY_API_TOKEN to a token of a user who may use the board."
            )
        return SourceError(f"monday.com ({self._url.host}): {failure.message}")

    def _send_once(
        self, document: Document, variables: Mapping[str, Any], key: str | None
    ) -> Answer | Failure:
        delay = self._limits.delay()
        if delay > 0:
            self.pause(delay, "the rate limit is nearly used up")
            self._limits.reset()
        if self._closing.is_set():
            return Failure(verdict="fatal", message="the client was closed")
        payload = {
            "query": document.text,
            "operationName": document.operation,
            "variables": dict(variables),
        }
        try:
            headers = {} if key is None else {"Idempotency-Key": key}
            response = self._http.post(self._url, json=payload, headers=headers)
        except httpx.UnsupportedProtocol as error:
            return Failure(verdict="fatal", message=self._redacted(str(error)))
        except httpx.RequestError as error:
            text = str(error) or type(error).__name__
            message = self._redacted(f"no answer: {text}")
            return Failure(
                verdict="retry", message=message, uncertain=not isinstance(error, _NOT_SENT)
            )
        self._limits.note(response.headers.get("ratelimit"))
        try:
            body, parsed = from_json(response.content, allow_inf_nan=False), True
        except ValueError:
            body, parsed = None, False
        replayed = response.headers.get("idempotency-replayed", "").lower() == "true"
        failure = classify(response.status_code, response.headers, body, parsed=parsed)
        if failure is None:
            return Answer(body["data"], replayed=replayed)
        if key is not None:
            failures = classify_aliases(body, body["data"]) if _has_data(body) else None
            if failures is not None:
                told = {
                    alias: replace(one, message=self._redacted(one.message))
                    for alias, one in failures.items()
                }
                return Answer(body["data"], told, replayed=replayed)
        return replace(failure, message=self._redacted(failure.message))

    def _rest(self, seconds: float) -> None:
        self._sleep(seconds)

    def _redacted(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text

    def _wait(self, state: tenacity.RetryCallState) -> float:
        failure = _last_failure(state)
        return self._backoff(state) if failure.wait is None else failure.wait

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        policy = self._retry
        return (
            state.attempt_number >= policy.attempts
            or state.idle_for + state.upcoming_sleep > policy.max_wait
        )


def _is_retryable(result: Answer | Failure) -> bool:
    return isinstance(result, Failure) and result.verdict == "retry"


def _is_retryable_surely(result: Answer | Failure) -> bool:
    return _is_retryable(result) and isinstance(result, Failure) and not result.uncertain


def _has_data(body: object) -> bool:
    return isinstance(body, dict) and isinstance(body.get("data"), dict)


def _last_failure(state: tenacity.RetryCallState) -> Failure:
    result = None if state.outcome is None else state.outcome.result()
    if not isinstance(result, Failure):
        raise SourceError("monday.com: a request was repeated without a failure")
    return result


def _given_up(state: tenacity.RetryCallState) -> Failure:
    """Say of the last failure how long it was fought."""
    failure = _last_failure(state)
    told = f"{failure.message}; tried {state.attempt_number} times"
    if failure.wait is not None:
        told += f", and asked to wait {failure.wait:.0f} s more"
    return replace(failure, message=f"{told}: run it again later")


def _log_retry(state: tenacity.RetryCallState) -> None:
    _log.warning(
        "monday.com, attempt %d: %s; again in %.1f s",
        state.attempt_number,
        _last_failure(state).message,
        state.upcoming_sleep,
    )
