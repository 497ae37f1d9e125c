"""Where a job's outputs go: tables, the quarantine, the run's notes; files go to a sink."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import dataframely as dy

    from etl.io.files import Sink
    from etl.io.keys import Mode

    Output: TypeAlias = "Table | SetAside | Notes | Sink"

__all__ = ["Notes", "Output", "SetAside", "Table"]


@dataclass(frozen=True)
class Table:
    """A table of a database in config.yaml, and the contract of its rows.

    ``mode`` is the door's (:func:`etl.io.db_helper.write_frame`); modes by key use the contract's
    primary key. ``may_be_empty`` is for a table of work under way, which ``replace`` and ``sync``
    may empty without being asked to.
    """

    database: str
    table: str
    contract: type[dy.Schema] = field(kw_only=True)
    mode: Mode = field(default="replace", kw_only=True)
    may_be_empty: bool = field(default=False, kw_only=True)

    @property
    def key(self) -> tuple[str, ...]:
        """The contract's primary key; empty where it has none."""
        return tuple(self.contract.primary_key())


@dataclass(frozen=True)
class SetAside:
    """Rows that a transform itself sets aside: into ``etl_quarantine``, with the reason.

    The frame has a column ``reason`` (String, never null) and the row's own columns. They are
    kept in the transaction that loads ``output``, the name of a :class:`Table` of the same job.
    """

    output: str


@dataclass(frozen=True)
class Notes:
    """Sentences for the run's result: a frame with one String column, ``note``."""
