"""What the catalogue page tells, as plain values: nothing here reads anything."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import datetime as dt

    from etl.contracts.describe import ContractRule

__all__ = [
    "Aside",
    "Catalog",
    "Column",
    "Contract",
    "JobEntry",
    "Kind",
    "Link",
    "Place",
    "Run",
    "Schedule",
    "Step",
    "anchor",
]

Kind = Literal["board", "table", "file", "workbooks"]


def anchor(kind: str, name: str) -> str:
    """The id that a part of the page is linked by; names that differ have ids that differ.

    >>> anchor("job", "board-planning"), anchor("table", "orders.dbo.board_planning")
    ('job-board-planning', 'table-orders.dbo.board_planning')
    >>> anchor("table", "orders.a b") == anchor("table", "orders.a-b")
    False
    """
    plain = re.sub(r"[^\w./-]+", "-", name)
    if plain != name:
        plain += "-" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:6]
    return f"{kind}-{plain}"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a contract; ``sql_type`` is that of the table's engine, where it is known."""

    name: str
    dtype: str
    sql_type: str | None
    nullable: bool
    primary_key: bool
    max_length: int | None
    rules: tuple[str, ...]
    source: str | None
    """The board column that it comes from."""
    note: str | None


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What the rows of a table, or what is read of a board, must be."""

    name: str
    text: str
    columns: tuple[Column, ...]
    rules: tuple[ContractRule, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Something outside that jobs read or write."""

    kind: Kind
    name: str
    database: str | None = None
    engine: str | None = None
    contracts: tuple[Contract, ...] = ()
    sheets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of workbooks: each one's file name and sheets."""

    @property
    def id(self) -> str:
        """Its anchor on the page."""
        return anchor(self.kind, f"{self.database}.{self.name}" if self.database else self.name)


@dataclass(frozen=True)
class Link:
    """A job, or a step of one, reads or writes a place; ``how`` is in a few words."""

    place: Place
    writes: bool
    how: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is run: a job's one step, or one of a pipeline's."""

    name: str
    description: str
    links: tuple[Link, ...]
    sets_aside: bool
    """Its transform turns rows away by itself, besides those that break a contract."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a job runs; ``upcoming`` are aware times of the next day, or at least the next time."""

    cron: str
    zone: str
    enabled: bool
    upcoming: tuple[dt.datetime, ...]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One attempt at a job, from ``etl_runs``; times are UTC."""

    run_id: str
    attempt: int
    started: dt.datetime
    seconds: float | None
    status: str
    rows_read: int | None
    rows_written: int | None
    rows_aside: int | None
    error: str | None
    profile: str | None
    version: str


@dataclass(frozen=True, kw_only=True)
class Aside:
    """Rows of one table that are set aside for one reason."""

    database: str
    table: str
    reason: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class JobEntry:
    """One job."""

    name: str
    description: str
    steps: tuple[Step, ...]
    pipeline: bool
    takes_sample: bool
    sample: int | None
    """How many rows a sample has by default."""
    lock: str | None
    schedule: Schedule | None
    runs: tuple[Run, ...]
    """The latest ones, the oldest of them first."""
    lately: int
    """Runs in the last day, and how many of them did not end well."""
    lately_failed: int
    aside: tuple[Aside, ...]
    unread: tuple[str, ...]
    """Those of its databases that could not be read: runs and rows may be missing."""

    @property
    def id(self) -> str:
        """Its anchor on the page."""
        return anchor("job", self.name)

    @property
    def links(self) -> tuple[Link, ...]:
        """All steps' links, each once."""
        return tuple(dict.fromkeys(link for step in self.steps for link in step.links))


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything that the page tells."""

    version: str
    profile: str | None
    flows_profile: str | None
    made_at: dt.datetime
    jobs: tuple[JobEntry, ...]
    places: tuple[Place, ...]
    unread: tuple[str, ...]
    """Databases that could not be read."""
