"""What staging tables and their columns are called, on every engine."""

from __future__ import annotations

import datetime as dt
import glob
import re
import secrets
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from etl.io.databases.columns import TableName

if TYPE_CHECKING:
    from collections.abc import Sized

    from etl.io.databases.base import Database

__all__ = [
    "STAGE_NAME",
    "STAGE_PREFIX",
    "new_dated_stage",
    "new_stage",
    "new_stage_directory",
    "stage_columns",
    "stage_directories",
    "stage_made_at",
]

STAGE_PREFIX: Final = "_etl_stage_"
STAGE_NAME: Final = re.compile(STAGE_PREFIX + "[0-9a-f]{32}")
"""The whole of a name that this package gives; a colleague's ``_etl_stage_notes`` is none."""


def new_stage(schema: str | None = None) -> TableName:
    """A name that no other load has.

    >>> STAGE_NAME.fullmatch(new_stage("dbo").name) is not None
    True
    """
    return TableName(f"{STAGE_PREFIX}{uuid.uuid4().hex}", schema)


def new_dated_stage(schema: str | None = None) -> TableName:
    """As :func:`new_stage`, with the time in it: for a stage that no session holds all the while.

    Its number is a UUID of version 7 (RFC 9562): milliseconds first, and then chance.
    """
    made = time.time_ns() // 1_000_000
    number = made << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return TableName(f"{STAGE_PREFIX}{number:032x}", schema)


def stage_made_at(name: str) -> dt.datetime | None:
    """When a stage was made, by the clock of whoever made it; None where its name does not tell.

    >>> stage_made_at(new_stage().name) is None
    True
    >>> abs(dt.datetime.now(dt.UTC) - stage_made_at(new_dated_stage().name)) < dt.timedelta(minutes=1)
    True
    """
    number = uuid.UUID(name.removeprefix(STAGE_PREFIX))
    if number.version != 7:
        return None
    return dt.datetime.fromtimestamp((number.int >> 80) / 1000, dt.UTC)


def new_stage_directory(database: Database) -> Path:
    """The name of a directory of stages, beside the file of a database."""
    file = Path(database.settings.database).resolve()
    return file.with_name(f"{file.name}.{new_dated_stage().name}")


def stage_directories(database: Database) -> list[Path]:
    """The directories of stages beside the file of a database; none for a server's."""
    if not database.settings.embedded or database.settings.database in ("", ":memory:"):
        return []
    file = Path(database.settings.database).resolve()
    return sorted(
        path
        for path in file.parent.glob(f"{glob.escape(file.name)}.{STAGE_PREFIX}*")
        if STAGE_NAME.fullmatch(path.suffix[1:]) and path.is_dir()
    )


def stage_columns(columns: Sized) -> list[str]:
    """A stage's column names, which no driver has to quote.

    >>> stage_columns(["order no", "größe"])
    ['c1', 'c2']
    """
    return [f"c{number}" for number in range(1, len(columns) + 1)]
