"""The sample tables' way into databases: all of them, or none."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from etl.contracts.samples import TRUTH_TABLE
from etl.errors import ConfigError
from etl.io import db_helper as db
from etl.io.source import silent
from etl.io.tables import live_columns
from etl.samples.tables import sample_tables

if TYPE_CHECKING:
    from etl.config import Config, DatabaseSettings
    from etl.io.source import Progress

__all__ = ["fill"]

_SOURCES: Final = (
    ("orders", "dbo.orders_unified"), ("distribution", "dbo.packed"), ("warehouse", "dbo.shipped"),
)  # fmt: skip


def fill(
    config: Config, rows: int, seed: int, *, force: bool = False, progress: Progress = silent
) -> dict[str, int]:
    """Put the sample tables into the databases of a configuration, in place of what is there.

    Parameters
    ----------
    config
        Says where ``orders``, ``distribution`` and ``warehouse`` are.
    rows
        How many rows ``dbo.orders_unified`` gets.
    seed
        Another seed, other tables.
    force
        Fill servers too, and replace tables with rows that are no samples.
    progress
        Called as rows are written.

    Returns
    -------
    dict
        A name of each table, and how many rows it has now.

    Raises
    ------
    ConfigError
        A database is on a server, or a table holds rows of somebody's own; nothing was written.
    LoadError
        A database refused; each is as it was.
    """
    settings = {name: config.database(name) for name, _ in _SOURCES}
    if not force:
        _refuse_servers(settings)
        _refuse_own_rows(settings)
    progress("making samples", 0, None)
    made = sample_tables(rows, seed)
    progress("making samples", rows, rows)
    with ExitStack() as stack:
        # One transaction a database, whatever it is called; all commit at the end, one by one.
        open_: dict[DatabaseSettings, db.Transaction] = {}
        for database in settings.values():
            if (place := _place(database)) not in open_:
                open_[place] = stack.enter_context(db.transaction(database))
        for sample in made:
            open_[_place(settings[sample.database])].write_frame(
                sample.rows,
                sample.table,
                mode="replace",
                contract=sample.contract,
                allow_empty=True,
                progress=progress,
            )
    return {f"{sample.table} in {sample.database}": sample.rows.height for sample in made}


def _place(settings: DatabaseSettings) -> DatabaseSettings:
    """The same for two names of one database; in memory each name is a database of its own."""
    return settings if settings.database == ":memory:" else replace(settings, name="")


def _refuse_servers(settings: dict[str, DatabaseSettings]) -> None:
    servers = [
        f"{name} ({database.where})" for name, database in settings.items() if not database.embedded
    ]
    if servers:
        raise ConfigError(
            f"samples are for a laptop's files, and this is a server: {', '.join(servers)}; "
            "choose another --profile, or --force writes them there"
        )


def _refuse_own_rows(settings: dict[str, DatabaseSettings]) -> None:
    """Where the truth stands, samples have been made; rows without it are somebody's own."""
    if live_columns(settings["orders"], TRUTH_TABLE) is not None:
        return
    for database, table in _SOURCES:
        if live_columns(settings[database], table) is None:
            continue
        if not db.scan_frame(table, settings[database]).head(1).collect().is_empty():
            raise ConfigError(
                f"{table} in {database} has rows that are no samples: move them out of the way, "
                "or --force replaces them",
                database=database,
                table=table,
            )
