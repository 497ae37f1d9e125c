"""Names of jobs: what they may be, and what a job's parts are called after it."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass
from typing import Final

from etl.config.flow_values import flow_id_problem
from etl.errors import ConfigError

__all__ = ["JobNames", "job_names_of"]

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LENGTH: Final = 50
# Names that the generated modules import, and that a class called after the job would hide.
_IMPORTED: Final = frozenset({"Any", "Engine", "FrameT", "Job", "Lazy", "MondayItems", "Table", "TableSource", "Text"})  # fmt: skip
# Files that Windows can't have, whatever their extension.
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)
}


@dataclass(frozen=True)
class JobNames:
    """What a job and its parts are called."""

    job: str
    """``order-lines``, on the command line."""

    @property
    def module(self) -> str:
        """``order_lines``: its modules, its table, its variable."""
        return self.job.replace("-", "_")

    @property
    def contract(self) -> str:
        """``OrderLines``: its contract."""
        return "".join(word.capitalize() for word in self.job.split("-"))

    @property
    def transform(self) -> str:
        """``order_lines_rows``: its transform."""
        return f"{self.module}_rows"


def job_names_of(job: str) -> JobNames:
    """Check a name for a new job; whether it is taken, only the files tell.

    Raises
    ------
    ConfigError
        No job can be called so; the message says why, and what could do.

    Examples
    --------
    >>> names = job_names_of("order-lines")
    >>> names.module, names.contract, names.transform
    ('order_lines', 'OrderLines', 'order_lines_rows')
    >>> job_names_of("Order Lines")
    Traceback (most recent call last):
    etl.errors.ConfigError: 'Order Lines' is no name for a job: ...; order-lines would do
    """
    problem = _problem(job)
    if problem is None:
        return JobNames(job)
    near = re.sub(r"[^a-z0-9]+", "-", job.casefold()).strip("-")[:_LENGTH].rstrip("-")
    hint = f"; {near} would do" if near != job and near and _problem(near) is None else ""
    raise ConfigError(f"{job[:80]!r} is no name for a job: {problem}{hint}", job=job)


def _problem(job: str) -> str | None:
    if not _NAME.fullmatch(job):
        return "it is lower-case letters and digits in words joined by -, and begins with a letter"
    if len(job) > _LENGTH:
        return f"it has {len(job)} characters, and {_LENGTH} are the most"
    names = JobNames(job)
    first = job.split("-", maxsplit=1)[0]
    faults = {
        "it is a word of Python's": keyword.iskeyword(names.module),
        "it would hide a function of Python's": hasattr(builtins, names.module),
        f"its contract {names.contract} would hide a class of the package's": (
            names.contract in _IMPORTED
        ),
        "pytest would take its modules for tests": (
            first in ("test", "conftest") or job.endswith("-test")
        ),
        f"as a flow in Kestra: {flow_id_problem(job)}": flow_id_problem(job) is not None,
        "no file can be called so on Windows": job in _DEVICES,
    }
    return next((message for message, found in faults.items() if found), None)
