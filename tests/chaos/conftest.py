"""The chaos suite: a few attacks of each kind in every run, hundreds with ``pytest -m chaos``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from etl.io import db_helper as db
from etl.io.databases import close_databases
from tests.chaos import states
from tests.chaos.places import Place
from tests.databases import ENGINES, Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.io.keys import Mode


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chaos: the long run of the chaos suite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long run out unless ``-m`` asks for something."""
    if config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("chaos")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("chaos")]


@pytest.fixture(params=states.MODES)
def place(request: pytest.FixtureRequest, chaos_engine: str, tmp_path: Path) -> Iterator[Place]:
    """A table that holds load 0, once for each mode."""
    yield from opened(Door(chaos_engine, settings_of(chaos_engine, tmp_path)), request.param)


@pytest.fixture(params=states.MODES)
def busy_place(
    request: pytest.FixtureRequest, parallel_engine: str, tmp_path: Path
) -> Iterator[Place]:
    """As ``place``, of loads by several workers."""
    door = Door(parallel_engine, settings_of(parallel_engine, tmp_path))
    yield from opened(door, request.param, workers=3)


@pytest.fixture(params=[name for name in ENGINES if name not in {"sqlite", "duckdb"}])
def parallel_engine(request: pytest.FixtureRequest) -> str:
    """A database that several connections fill at once."""
    return str(request.param)


@pytest.fixture(params=ENGINES)
def chaos_engine(request: pytest.FixtureRequest) -> str:
    """Every database that is there; a test that attacks servers only parametrizes it anew."""
    return str(request.param)


def opened(door: Door, mode: Mode, *, workers: int = 1) -> Iterator[Place]:
    """A place whose table, and what killed loads leave beside it, is dropped afterwards."""
    table = door.table("chaos")
    door.write(states.base(0), table, mode="replace")
    yield Place(door, table, mode, workers)
    door.drop_tables()
    db.sweep(door.settings, older_than=dt.timedelta(0))  # those in use by others stay
    door.database.close()


@pytest.fixture(autouse=True, scope="session")
def _pools_are_closed() -> Iterator[None]:
    yield
    close_databases()
