"""A disk that is full in the middle of a load: the old table, and a message that says so.

The embedded engines only. A server can be given a small disk by a tablespace, but one whose folder is
taken away by anything else stops the whole server, and a test must not be able to.
"""

from __future__ import annotations

import random
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import polars as pl
import pytest

from etl.errors import LoadError
from tests.chaos import states
from tests.chaos.disk import small_disk
from tests.chaos.places import Place, Watcher
from tests.databases import Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.io.keys import Mode

_MEGABYTES = 12
_ROWS = 1000
_TEXT = 1000  # characters a row, and no compression finds a pattern in them


def _too_much() -> Iterator[pl.DataFrame]:
    """Twice as many bytes as the disk has, with keys that are not in the table."""
    chance = random.Random(1)  # noqa: S311 - bytes that don't compress
    for start in range(10_000, 10_000 + 2 * _MEGABYTES * 2**20 // _TEXT, _ROWS):
        ids = range(start, start + _ROWS)
        note = [chance.randbytes(_TEXT // 2).hex() for _ in ids]
        rows = states.base(0).head(1).drop("id", "note")
        frame = pl.DataFrame({"id": ids, "note": note})
        yield frame.join(rows, how="cross").select(states.base(0).columns)


def _fill(door: Door, table: str) -> None:
    """Create the table with a column for long text; then it holds load 0."""
    door.write(next(_too_much()), table, mode="replace")
    door.write(states.base(0), table, mode="replace")


@contextmanager
def _on(engine: str, directory: Path, mode: Mode) -> Iterator[Place]:
    """A place whose table lies on a small disk of its own."""
    with small_disk(directory / "disk", _MEGABYTES) as disk:
        door = Door(engine, settings_of(engine, disk))
        table = door.table("full")
        _fill(door, table)
        try:
            yield Place(door, table, mode)
        finally:
            door.database.close()


@pytest.mark.parametrize("mode", states.MODES)
@pytest.mark.parametrize("on", ["sqlite", "duckdb"])
def test_a_full_disk_leaves_the_old_table(on: str, mode: Mode, tmp_path: Path) -> None:
    with _on(on, tmp_path, mode) as place:
        options = {"key": ["id"]} if mode in states.KEYED else {}
        reader = nullcontext() if on == "duckdb" else Watcher(place)
        with reader, pytest.raises(LoadError):
            place.door.write(_too_much(), place.table, mode=mode, **options)
        assert place.found() == 0
        # What fits is loaded, as if nothing had been.
        how = states.mode_of(mode, 1)
        place.door.write(states.part(mode, 1), place.table, mode=how, **options)
        assert place.found() == 1


@pytest.mark.parametrize("on", ["sqlite", "duckdb"])
def test_a_full_disk_is_told_as_such(on: str, tmp_path: Path) -> None:
    with (
        _on(on, tmp_path, "append") as place,
        pytest.raises(LoadError, match=r"(?i)disk is full|no space left"),
    ):
        place.door.write(_too_much(), place.table, mode="append")
