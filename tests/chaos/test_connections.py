"""A connection that is lost at any moment: whole tables, and an error worth a retry, if any."""

from __future__ import annotations

import dataclasses
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from etl.io import db_helper as db
from tests.chaos import states
from tests.chaos.places import Watcher, dice
from tests.chaos.proxy import Proxy
from tests.databases import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.config import DatabaseSettings
    from tests.chaos.places import Place

_SERVERS = [engine for engine in ENGINES if engine not in {"sqlite", "duckdb"}]
_PORTS = {"postgresql": 5432, "mssql": 1433}
_DROPS = [1, pytest.param(40, marks=pytest.mark.chaos)]
_WORDS = states.BATCHES + 2


@contextmanager
def _wire_cut(at: DatabaseSettings) -> Iterator[tuple[DatabaseSettings, Callable[[], int]]]:
    """Settings whose connections this process can cut, and how."""
    with Proxy(at.host or "127.0.0.1", at.port or _PORTS[at.engine]) as proxy:
        yield dataclasses.replace(at, host="127.0.0.1", port=proxy.port), proxy.cut


@contextmanager
def _terminated(at: DatabaseSettings) -> Iterator[tuple[DatabaseSettings, Callable[[], int]]]:
    """Settings whose sessions the server ends, as a fail-over does, and how."""
    name = f"chaos {uuid.uuid4().hex}"

    def terminate() -> int:
        ended = db.run_query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = :name",
            at,
            {"name": name},
        )
        return len(ended)

    options = {**at.options, "application_name": name}
    yield dataclasses.replace(at, options=options), terminate


def _drop_again_and_again(
    place: Place, drops: int, at: DatabaseSettings, drop: Callable[[], int]
) -> None:
    chance = dice()
    first = held = 0
    with Watcher(place):
        for _ in range(drops):
            with place.loader(first=first or 1, held=held, settings=at) as loader:
                began = time.perf_counter()
                words = chance.randint(2, 3 * _WORDS)
                for _ in range(words):
                    loader.next()
                time.sleep(chance.uniform(0, 2 * (time.perf_counter() - began) / words))
                assert drop() > 0
                loader.wait_for("failed", "done")  # it may have been at the very end of one
                loader.wait_for("failed", "done")
                loader.stop()
            assert {kind for kind, _ in loader.failures} <= {"TransientError"}, loader.failures
            held, first = place.check(loader), loader.next_replace


@pytest.mark.parametrize("drops", _DROPS)
@pytest.mark.parametrize("chaos_engine", _SERVERS)
def test_a_cut_wire_leaves_the_old_table_or_the_new_one(place: Place, drops: int) -> None:
    with _wire_cut(place.door.settings) as (at, cut):
        _drop_again_and_again(place, drops, at, cut)


@pytest.mark.parametrize("drops", _DROPS)
@pytest.mark.parametrize("chaos_engine", ["postgresql"])
def test_a_session_that_the_server_ends_leaves_the_old_table_or_the_new_one(
    place: Place, drops: int
) -> None:
    with _terminated(place.door.settings) as (at, terminate):
        _drop_again_and_again(place, drops, at, terminate)
