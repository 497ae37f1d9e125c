"""``etl db``: looking after databases."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated

import typer

# Not only for type checkers: typer reads the annotations.
from etl.cli._common import Debug, Profile, load
from etl.cli._errors import FAILED, Reporter

if TYPE_CHECKING:
    from etl.io.sweeping import StagingTable

__all__ = ["app", "duration"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after databases.")

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_DIGITS = 6  # centuries are no length of time here, and more than a timedelta holds
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> dt.timedelta:
    """A length of time as people write it: ``90s``, ``30m``, ``24h``, ``2d``.

    >>> duration("24h"), duration("1.5m")
    (datetime.timedelta(days=1), datetime.timedelta(seconds=90))
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or len(match[1]) > _DIGITS:
        raise typer.BadParameter(f"{text!r} is no length of time: write 90s, 30m, 24h or 2d")
    return dt.timedelta(**{_UNITS[match[2]]: float(match[1])})


@app.callback()
def _db() -> None:
    """Look after databases."""


@app.command()
def sweep(
    context: typer.Context,
    *,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="Only this one; else all of config.yaml."),
    ] = None,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="TIME", help="Leave younger ones: 90s, 30m, 24h, 2d."),
    ] = "24h",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")
    ] = False,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Remove staging tables that killed runs have left; never one that is in use."""
    least = duration(older_than)
    with Reporter(debug=debug) as reporter:
        config = load(context, profile, reporter)
        from etl.cli import _output
        from etl.errors import EtlError
        from etl.io import db_helper as db
        from etl.io.tables import database_exists

        names = config.databases if database is None else (database,)
        found: list[tuple[str, StagingTable]] = []
        failed = False
        for name in names:
            try:
                settings = config.database(name)
                if not database_exists(settings):
                    continue
                swept = db.sweep(settings, older_than=least, dry_run=dry_run)
            except EtlError as error:
                if database is not None:
                    raise
                # The others' tables are swept nevertheless.
                reporter.show(error)
                failed = True
            else:
                found += [(name, table) for table in swept]
        _output.staging_tables(found)
        if failed:
            raise typer.Exit(FAILED)
