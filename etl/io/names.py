"""Table names as people write them, and column names as an engine matches them."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from etl.errors import ContractError
from etl.io.databases.columns import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean", "parse_table_name"]

_PART = re.compile(
    r"""\s*(?: "(?P<double>(?:[^"]|"")*)" | \[(?P<bracket>(?:[^\]]|\]\])*)\]
             | `(?P<tick>(?:[^`]|``)*)` | (?P<plain>[^."\[`][^.]*) )\s*(?P<dot>\.|$)""",
    re.VERBOSE,
)


def parse_table_name(table: str | tuple[str, str] | TableName) -> TableName:
    """Split a table's name at the dot between schema and table.

    A part may be quoted as SQL quotes it (``"a.b"``, ``[a.b]``); a pair ``(schema, table)``
    is taken as it is.

    Raises
    ------
    ContractError
        The text is no table name: empty, or more than two parts.

    Examples
    --------
    >>> parse_table_name("dbo.orders")
    TableName(name='orders', schema='dbo')
    >>> parse_table_name("[sales.2024].[a ]] b]")
    TableName(name='a ] b', schema='sales.2024')
    >>> parse_table_name(("dbo", "order; drop table x--")).name
    'order; drop table x--'
    """
    if isinstance(table, TableName):
        return table
    if isinstance(table, tuple):
        schema, name = table
        return TableName(name=name, schema=schema or None)
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(table, position)
        if match is None:
            raise ContractError(
                f"{table!r} is not a table name: write name, schema.name, or quote the parts "
                'as in [my schema].[my table]; ("schema", "table") takes them as they are'
            )
        parts.append(_unquoted(match))
        position = match.end()
        if not match["dot"]:
            break
    if len(parts) > 2 or not all(parts):
        raise ContractError(
            f"{table!r} has {len(parts)} parts: a table name is name or schema.name "
            "(the database comes from the connection)"
        )
    return TableName(name=parts[-1], schema=parts[0] if len(parts) == 2 else None)


def _unquoted(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return match["double"].replace('""', '"')
    if match["bracket"] is not None:
        return match["bracket"].replace("]]", "]")
    if match["tick"] is not None:
        return match["tick"].replace("``", "`")
    return match["plain"].strip()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion to end a message with, or nothing.

    >>> did_you_mean("custmer", ["customer", "colour"])
    " (did you mean 'customer'?)"
    """
    by_fold = {item.casefold(): item for item in known}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=1)
    return f" (did you mean {by_fold[close[0]]!r}?)" if close else ""
