"""What both of PostgreSQL's drivers need to know: where the server is, and packed type modifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.io.databases.server_url import server_url

if TYPE_CHECKING:
    import sqlalchemy as sa

    from etl.config import DatabaseSettings

__all__ = ["modifier", "postgres_url"]


def postgres_url(settings: DatabaseSettings, scheme: str, **options: str) -> sa.URL:
    """The server's URL, with its password: never to be shown.

    Whatever the settings say, text goes to and fro as UTF-8, as frames hold it and COPY sends it; the
    server converts it where its database has another encoding.
    """
    return server_url(settings, scheme, **options).update_query_dict({"client_encoding": "UTF8"})


def modifier(type_name: str, packed: int) -> tuple[int | None, int | None, int | None]:
    """Length, precision and scale from ``atttypmod``, as ``format_type`` reads it.

    >>> modifier("numeric", ((12 << 16) | 2) + 4), modifier("varchar", 24)
    ((None, 12, 2), (20, None, None))
    """
    if packed < 0:
        return None, None, None
    if type_name in {"varchar", "bpchar"}:
        return packed - 4, None, None
    if type_name == "numeric":
        value = packed - 4
        scale = value & 0x7FF
        return None, (value >> 16) & 0xFFFF, scale - 0x800 if scale > 0x3FF else scale
    if type_name in {"timestamp", "timestamptz", "time", "timetz"}:
        return None, None, packed
    return None, None, None
