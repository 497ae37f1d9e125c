"""A table under attack, and a reader that never stops looking at it."""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.chaos import states
from tests.chaos.loader import Loader

if TYPE_CHECKING:
    from etl.config import DatabaseSettings
    from etl.io.keys import Mode
    from tests.databases import Door

__all__ = ["Place", "Watcher", "dice"]


def dice() -> random.Random:
    """Chance: another one in every run, repeated by ``ETL_CHAOS_SEED``."""
    seed = os.environ.get("ETL_CHAOS_SEED") or str(time.time_ns())
    print(f"ETL_CHAOS_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)  # noqa: S311 - moments, no secrets


@dataclass(frozen=True)
class Place:
    """A table that holds load 0."""

    door: Door
    table: str
    mode: Mode
    workers: int = 1

    def found(self) -> int:
        """The load whose rows the table holds, to the value."""
        return states.identify(self.mode, self.door.read(self.table))

    def loader(
        self, *, first: int = 1, held: int = 0, settings: DatabaseSettings | None = None
    ) -> Loader:
        """A process that loads from this number on, over the rows of load ``held``."""
        at = settings or self.door.settings
        return Loader(at, self.table, self.mode, first=first, held=held, workers=self.workers)

    def check(self, loader: Loader) -> int:
        """The table holds a load that was at least begun, and none older than the last finished."""
        found = self.found()
        assert loader.done <= found <= loader.started, (
            f"{self.mode}: the table holds load {found}; {loader.done} was reported done, "
            f"{loader.started} was the last to begin"
        )
        return found


class Watcher:
    """A reader in a thread: each of its reads must be a whole load, and time must not go back."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.reads = 0
        self.loads: set[int] = set()
        self.problems: list[str] = []

    def _watch(self) -> None:
        last = -1
        while not self._finished.is_set():
            try:
                found = self._place.found()
            except Exception as error:  # noqa: BLE001 - told by the thread that waits for this one
                self.problems.append(f"read {self.reads}: {type(error).__name__}: {error}")
                return
            if found < last:
                self.problems.append(f"read {self.reads}: load {found} was seen after load {last}")
                return
            last = found
            self.reads += 1
            self.loads.add(found)
            self._finished.wait(0.001)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *exit_: Any) -> None:
        self._finished.set()
        self._thread.join()
        if exit_[0] is None:
            assert not self.problems, self.problems[0]
            assert self.reads > 0
