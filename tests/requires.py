"""What a test needs from the machine: missing on a laptop it is skipped, missing in CI it fails."""

from __future__ import annotations

import os

import pytest

__all__ = ["require"]


def require(condition: bool, what: str) -> None:
    """Go on only if ``condition`` holds.

    On a laptop the test is skipped, saying what to install. In CI (``CI`` set, as every CI
    service does) it fails: a suite that skips in silence proves nothing.

    Parameters
    ----------
    condition
        Whether the driver, server or tool is there.
    what
        What is missing and how to get it: ``"PostgreSQL's ODBC driver (apt install odbc-postgresql)"``.

    Examples
    --------
    >>> require(True, "nothing")
    """
    if condition:
        return
    message = f"needs {what}"
    if os.environ.get("CI", "").strip().lower() in {"", "0", "false", "no"}:
        pytest.skip(message)
    pytest.fail(message, pytrace=False)
