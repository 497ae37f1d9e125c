"""What a run tells Kestra: one ``::{...}::`` line on stdout with outputs, metrics and messages.

Kestra reads a whole line of stdout that begins with ``::{`` and ends with ``}::`` as JSON. Other
lines are messages of level INFO, and those of stderr of level ERROR. A task can't see that Kestra
runs it, so the flow says so: ``ETL_ORCHESTRATOR=kestra``. Anywhere else nothing of this shows.

Source: https://kestra.io/docs/workflow-components/task-runners (outputs and metrics of scripts)
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from etl.cli._errors import Reporter

__all__ = ["inside", "live_warnings", "result_line"]

_COUNTS: Final = ("rows_read", "rows_written", "rows_quarantined")
_OUTPUTS: Final = ("job", "run_id", "status", "dry_run", *_COUNTS, "seconds", "error")

# Kestra cuts a message at 10 KiB; a whole line within it is safe however it is read.
_LINE_BYTES: Final = 10_000
_MESSAGE: Final = 1_000


def inside() -> bool:
    """Whether Kestra runs this process, by its flow's word."""
    return os.environ.get("ETL_ORCHESTRATOR", "").strip().lower() == "kestra"


def result_line(result: Mapping[str, Any], redact: Callable[[str], str] = str) -> str:
    """A run's outputs, metrics and messages as the line that Kestra reads.

    Parameters
    ----------
    result
        The plain values of a :class:`~etl.runner.RunResult`, or what is known of a run that never
        came to one.
    redact
        Takes secrets out of a text.

    Returns
    -------
    str
        ASCII, without the line's end. Timers are in seconds. Messages that would make the line
        longer than Kestra takes are left out, and counted.

    Examples
    --------
    >>> line = result_line({"job": "orders", "status": "done", "rows_read": 2, "seconds": 0.5})
    >>> told = json.loads(line.removeprefix("::").removesuffix("::"))
    >>> told["outputs"]
    {'job': 'orders', 'status': 'done', 'rows_read': 2, 'seconds': 0.5}
    >>> [(metric["name"], metric["type"], metric["value"]) for metric in told["metrics"]]
    [('rows_read', 'counter', 2), ('seconds', 'timer', 0.5)]
    """
    outputs = {
        name: _cut(redact(value)) if isinstance(value, str) else value
        for name in _OUTPUTS
        if (value := result.get(name)) is not None
    }
    told: dict[str, Any] = {"outputs": outputs, "metrics": _metrics(result)}
    logs = [_log(level, redact(text)) for level, text in _messages(result)]
    for kept in range(len(logs), 0, -1):
        left_out = len(logs) - kept
        more = [_log("INFO", f"... and {left_out} more messages")] if left_out else []
        line = _line({**told, "logs": [*logs[:kept], *more]})
        if len(line) <= _LINE_BYTES:
            return line
    return _line(told)


@contextmanager
def live_warnings(reporter: Reporter) -> Iterator[None]:
    """Send what the package and Python warn of to Kestra at once, at its own level.

    It would be on stderr otherwise, where Kestra takes every line for an error.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Lines(reporter))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)


class _Lines(logging.Formatter):
    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self.reporter = reporter  # and not its redact, which knows no secrets before they are read

    def format(self, record: logging.LogRecord) -> str:
        level = "ERROR" if record.levelno >= logging.ERROR else "WARN"
        return _line({"logs": [_log(level, self.reporter.redact(super().format(record)))]})


def _line(told: Mapping[str, Any]) -> str:
    # ASCII, whatever the terminal's encoding makes of the rest: the line must parse.
    return f"::{json.dumps(told, ensure_ascii=True, allow_nan=False, default=str)}::"


def _log(level: str, text: str) -> dict[str, str]:
    return {"level": level, "message": _cut(" ".join(text.splitlines()))}


def _cut(text: str) -> str:
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE - 1]}…"


def _metrics(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    tags = {"job": str(result.get("job"))}
    counters = {name: result[name] for name in _COUNTS if name in result}
    timers = {"seconds": result["seconds"]} if "seconds" in result else {}
    # A name each, and no tag: dashboards add up what has one name.
    timers |= {f"seconds_{phase}": taken for phase, taken in result.get("phases", {}).items()}
    return [
        {"name": name, "type": kind, "value": value, "tags": tags}
        for kind, values in (("counter", counters), ("timer", timers))
        for name, value in values.items()
    ]


def _messages(result: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """What is worth telling, the most important first; an error stands on stderr already."""
    found: list[tuple[str, str]] = []
    if result.get("status") == "done":
        read, written, aside = (result.get(name, 0) for name in _COUNTS)
        dry = " (dry run: nothing was written)" if result.get("dry_run") else ""
        counts = f"{read} rows read, {written} written, {aside} set aside"
        found.append(("INFO", f"{result.get('job')}: {counts}{dry}"))
    found += [
        ("WARN", f"rows set aside: {reason['rows']}, for example because of {reason['reason']}")
        for reason in result.get("reasons", ())
    ]
    for call in result.get("calls", ()):
        found += _of_call(call)
    files = len(result.get("files", ()))
    found += [("INFO", f"made {files} file{'s' if files > 1 else ''}")] if files else []
    return [*found, *(("INFO", f"note: {note}") for note in result.get("notes", ()))]


def _of_call(call: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    told = ", ".join(f"{call[name]} {name}" for name in ("created", "updated", "unchanged"))
    yield "INFO", f"{call['target']}: {told}"
    for reason in call["reasons"]:
        yield "WARN", f"not written: {reason['rows']}, for example because of {reason['reason']}"
