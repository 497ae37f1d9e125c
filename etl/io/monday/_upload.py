"""Files sent to an address that monday gave, which is a secret in itself: it holds a signature."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from etl.io.monday.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["upload"]


def upload(url: str, content: bytes, *, timeout: httpx.Timeout) -> Failure | None:
    """PUT a CSV file, with nothing of the API's own headers.

    Returns
    -------
    Failure or None
        None if the file was taken.
    """
    try:
        with _untold(), httpx.Client(timeout=timeout) as client:
            response = client.put(url, content=content, headers={"Content-Type": "text/csv"})
    except (httpx.RequestError, httpx.InvalidURL) as error:
        text = f"the upload got no answer ({type(error).__name__})"
        return Failure(verdict="retry", message=text, uncertain=True)
    if response.is_success:
        return None
    passing = response.status_code >= 500 or response.status_code in (408, 429)
    return Failure(
        verdict="retry" if passing else "fatal",
        message=f"the upload was refused (HTTP {response.status_code})",
        uncertain=passing,
    )


@contextmanager
def _untold() -> Iterator[None]:
    """Keep httpx, which logs each address, from logging this one."""
    thread = threading.get_ident()

    def others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    log = logging.getLogger("httpx")
    log.addFilter(others)
    try:
        yield
    finally:
        log.removeFilter(others)
