"""The jobs, one module each; finding them imports none of them.

A module here that defines a :class:`~etl.jobs.base.Job`, or a
:class:`~etl.jobs.base.Pipeline`, under its own name is a job: a new job is a new file. Name, description and schedule are read from the source text, so that ``etl list``
needs no dataframe library.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from etl.errors import ConfigError

if TYPE_CHECKING:
    from etl.jobs.base import Job, Pipeline

__all__ = ["JobInfo", "check_job_name", "get_job", "job_names", "list_jobs"]


_NO_JOBS: Final = ("audit_parts", "base", "outputs")


@dataclass(frozen=True, kw_only=True)
class JobInfo:
    """What a job's source says about it."""

    name: str
    description: str
    schedule: str | None


def job_names() -> tuple[str, ...]:
    """The names of all jobs.

    >>> "board-planning" in job_names()
    True
    """
    return tuple(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(__path__)
        if module.name not in _NO_JOBS and not module.name.startswith("_")
    )


def list_jobs() -> tuple[JobInfo, ...]:
    """Name, description and schedule of every job, without importing it."""
    return tuple(_info(name) for name in job_names())


def check_job_name(name: str) -> None:
    """Refuse a name that no job has, without importing any.

    Raises
    ------
    ConfigError
        There is no such job.

    Examples
    --------
    >>> check_job_name("board-plannning")
    Traceback (most recent call last):
    etl.errors.ConfigError: no job 'board-plannning'; did you mean 'board-planning'?
    """
    known = job_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        raise ConfigError(f"no job {name!r}; {hint}", job=name)


def get_job(name: str) -> Job | Pipeline:
    """Import a job.

    Raises
    ------
    ConfigError
        There is no such job.
    """
    check_job_name(name)
    module = name.replace("-", "_")
    job: Job | Pipeline = getattr(importlib.import_module(f"{__name__}.{module}"), module)
    return job


def _info(name: str) -> JobInfo:
    module = name.replace("-", "_")
    source = pkgutil.get_data(__name__, f"{module}.py") or b""
    told: dict[str, str] = {}
    for node in ast.parse(source).body:
        # The steps of a pipeline are jobs as well: the one with the module's name counts.
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == module for target in targets):
                told = _texts(node.value)
    return JobInfo(
        name=name, description=told.get("description", ""), schedule=told.get("schedule")
    )


def _texts(call: ast.Call) -> dict[str, str]:
    return {
        keyword.arg or "": keyword.value.value
        for keyword in call.keywords
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
