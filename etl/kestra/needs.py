"""What a job reaches for: the databases and the boards that its parts name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.jobs.base import Job, Pipeline

__all__ = ["Needs", "job_needs"]


@dataclass(frozen=True)
class Needs:
    """Databases by their names in config.yaml, and whether monday.com is needed."""

    databases: tuple[str, ...]
    monday: bool


def job_needs(job: Job | Pipeline) -> Needs:
    """Find what a job needs.

    Its parts are dataclasses that say in ``database`` and ``board`` what they reach for, whatever
    kind of reader, writer or step they are.

    >>> from etl.jobs import get_job
    >>> job_needs(get_job("board-planning"))
    Needs(databases=('orders',), monday=True)
    """
    found = list(_named(job))
    databases = dict.fromkeys(name for kind, name in found if kind == "database")
    return Needs(tuple(databases), any(kind == "board" for kind, _ in found))


def _named(part: object) -> Iterator[tuple[str, str]]:
    if isinstance(part, Mapping):
        for value in part.values():
            yield from _named(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _named(value)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if field.name in ("database", "board") and isinstance(value, str):
                yield field.name, value
            else:
                yield from _named(value)
