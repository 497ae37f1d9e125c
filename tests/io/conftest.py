"""The engine suite: every test that asks for ``door`` runs on each database that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.io.databases import close_databases
from tests.databases import ENGINES, Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=ENGINES)
def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """One database; its tables are dropped afterwards."""
    opened = Door(request.param, settings_of(request.param, tmp_path_factory.mktemp("db")))
    yield opened
    opened.drop_tables()


@pytest.fixture(autouse=True, scope="session")
def _pools_are_closed() -> Iterator[None]:
    yield
    close_databases()
