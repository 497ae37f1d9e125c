"""What staging tables and their columns are called, on every engine."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Final

from etl.io.databases.columns import TableName

if TYPE_CHECKING:
    from collections.abc import Sized

__all__ = ["STAGE_NAME", "STAGE_PREFIX", "new_stage", "stage_columns"]

STAGE_PREFIX: Final = "_etl_stage_"
STAGE_NAME: Final = re.compile(STAGE_PREFIX + "[0-9a-f]{32}")
"""The whole of a name that this package gives; a colleague's ``_etl_stage_notes`` is none."""


def new_stage(schema: str | None = None) -> TableName:
    """A name that no other load has.

    >>> STAGE_NAME.fullmatch(new_stage("dbo").name) is not None
    True
    """
    return TableName(f"{STAGE_PREFIX}{uuid.uuid4().hex}", schema)


def stage_columns(columns: Sized) -> list[str]:
    """A stage's column names, which no driver has to quote.

    >>> stage_columns(["order no", "größe"])
    ['c1', 'c2']
    """
    return [f"c{number}" for number in range(1, len(columns) + 1)]
