"""The URL that SQLAlchemy and drivers reach a server by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

    from etl.config import DatabaseSettings

__all__ = ["server_url"]


def server_url(settings: DatabaseSettings, scheme: str, **options: str) -> sa.URL:
    """The URL of a server, with its password: never to be shown."""
    import sqlalchemy as sa

    return sa.URL.create(
        scheme,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        host=settings.host,
        port=settings.port,
        database=settings.database,
        query={**options, **settings.options},
    )
