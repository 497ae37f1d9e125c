"""SIGKILL at any moment: the table is the old one or the new one, and no reader saw another."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.chaos import states
from tests.chaos.places import Watcher, dice

if TYPE_CHECKING:
    from tests.chaos.places import Place

# By mode; there are five: 10 kills an engine in every run, 200 in the long one.
KILLS = [2, pytest.param(40, marks=pytest.mark.chaos)]
_WORDS = states.BATCHES + 2  # of a load: start, each batch, done


@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_load_leaves_the_old_table_or_the_new_one(place: Place, kills: int) -> None:
    attack(place, kills)


@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_load_by_several_workers_does_too(busy_place: Place, kills: int) -> None:
    attack(busy_place, kills)


def attack(place: Place, kills: int) -> None:
    """Kill loads at any moment, beside a reader that never stops."""
    chance = dice()
    first, held, interrupted = 1, 0, 0
    # A file of DuckDB's belongs to one process at a time.
    reader = nullcontext() if place.door.engine == "duckdb" else Watcher(place)
    with reader:
        for kill in range(kills):
            with place.loader(first=first, held=held) as loader:
                began = time.perf_counter()
                # The first kill is in the middle of a load for certain.
                words = _WORDS - 1 if kill == 0 else chance.randint(1, 3 * _WORDS)
                for _ in range(words):
                    loader.next()
                time.sleep(chance.uniform(0, 2 * (time.perf_counter() - began) / words))
                loader.kill()
            interrupted += loader.started > loader.done
            held = place.check(loader)
            first = loader.next_replace
    assert interrupted > 0
    # And the table can be written again at once: nothing holds a lock.
    result = place.door.write(states.base(first), place.table, mode="replace")
    assert (result.inserted, place.found()) == (states.base(first).height, first)
