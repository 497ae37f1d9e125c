"""A Kestra task as its Process runner runs it, and what Kestra understands of its output."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Told", "understood"]

# https://github.com/kestra-io/kestra: AbstractLogConsumer and PluginUtilsService of `script`.
_LINE = re.compile(r"^::(\{.*\})::$")
_KEYS = {"outputs", "metrics", "logs"}
_LEVELS = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"}


@dataclass
class Told:
    """What Kestra took from a task's stdout."""

    lines: int = 0
    """How many lines were addressed to it."""
    outputs: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Values by name; names of timers and counters do not overlap."""
    logs: list[tuple[str, str]] = field(default_factory=list)
    """Level and message."""
    plain: list[str] = field(default_factory=list)
    """Lines that are plain messages of level INFO."""


def understood(stdout: str) -> Told:
    """Read stdout by Kestra's rule; anything that it would lose or refuse is an AssertionError."""
    told = Told()
    for line in stdout.splitlines():
        match = _LINE.match(line)
        if match is None:
            assert "::{" not in line, f"meant for Kestra, and no whole line: {line}"
            told.plain.append(line)
            continue
        told.lines += 1
        values = json.loads(match[1], parse_constant=_no_number)
        assert set(values) <= _KEYS, sorted(values)
        told.outputs |= values.get("outputs", {})
        for metric in values.get("metrics", []):
            assert set(metric) == {"name", "type", "value", "tags"}
            assert metric["type"] in {"counter", "timer"}
            assert isinstance(metric["value"], int | float)
            assert metric["value"] >= 0
            assert all(isinstance(value, str) for value in metric["tags"].values())
            assert metric["name"] not in told.metrics, "a second value would be added to the first"
            told.metrics[metric["name"]] = metric["value"]
        for log in values.get("logs", []):
            assert set(log) == {"level", "message"}
            assert log["level"] in _LEVELS
            assert "\n" not in log["message"]
            told.logs.append((log["level"], log["message"]))
    return told


def _no_number(name: str) -> None:
    """Refuse what Python writes for numbers that JSON has none for."""
    raise AssertionError(f"{name} is no JSON")
