"""Which way a frame goes into a table: by a loader of the engine's, over one connection or more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import ConfigError, ContractError
from etl.io.names import did_you_mean

if TYPE_CHECKING:
    import sqlalchemy as sa

    from etl.io.databases.base import Database

__all__ = ["Way", "choose_way"]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How one load goes in."""

    loader: str
    workers: int = 1
    rows: int | None = None
    """Rows in the frame; None of a stream."""


def choose_way(
    database: Database,
    connection: sa.Connection,
    *,
    loader: str | None,
    workers: int,
    rows: int | None,
) -> Way:
    """The loader that was asked for, or the best for so many rows of those that can be used.

    Raises
    ------
    ContractError
        The engine has no such loader.
    ConfigError
        It can't be used here; says what it lacks.
    """
    known = database.loaders
    workers = workers if database.parallel_loads else 1
    if loader is None:
        loader = database.usual_loader(connection, rows)
        return Way(loader=loader, workers=workers, rows=rows)
    if loader not in known:
        raise ContractError(
            f"no loader {loader!r} for {database.title}: choose {', '.join(known)}"
            + did_you_mean(loader, known)
        )
    lacks = database.lacking(connection, loader, rows)
    if lacks:
        others = [
            name
            for name in known
            if name != loader and not database.lacking(connection, name, rows)
        ]
        raise ConfigError(
            f"the loader {loader!r} can't be used here: {lacks}; choose {', '.join(others)}, or "
            "leave loader out",
            database=database.settings.name,
        )
    return Way(loader=loader, workers=workers, rows=rows)
