"""What a test needs from the machine: missing on a laptop it is skipped, missing in CI it fails."""

from __future__ import annotations

import importlib
import os
import shutil
from importlib.util import find_spec
from typing import Any

import pytest

__all__ = ["on_a_laptop", "require", "require_spark", "required_module"]


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
    if on_a_laptop():
        pytest.skip(message)
    pytest.fail(message, pytrace=False)


def require_spark() -> None:
    """Go on only where a local Spark can be started."""
    require(find_spec("pyspark") is not None, "pyspark (uv sync --all-extras)")
    java = shutil.which("java") or os.environ.get("JAVA_HOME")
    require(bool(java), "Java for Spark (apt install default-jre-headless)")


def required_module(name: str, what: str) -> Any:
    """Import a module for all tests of a file; where it can't be, they are skipped, or in CI fail.

    >>> required_module("json", "nothing").dumps(1)
    '1'
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        if on_a_laptop():
            pytest.skip(f"needs {what}", allow_module_level=True)
        raise


def on_a_laptop() -> bool:
    """Whether this is no CI service: those set ``CI``."""
    return os.environ.get("CI", "").strip().lower() in {"", "0", "false", "no"}
