"""The bar of a load: what is told is what was sent, and asking for it changes nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from etl.io import db_helper as db
from etl.io import loading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Door

FRAME = pl.DataFrame({"id": range(1050), "note": ["å"] * 1050})


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_STEP_ROWS", 100)
    monkeypatch.setattr(loading, "_STEPS", 4)


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_whole_frame_is_told_in_steps(door: Door, mode: str) -> None:
    table = door.table()
    calls: list[tuple[Any, ...]] = []
    result = door.write(
        FRAME, table, mode=mode, key=["id"], progress=lambda *call: calls.append(call)
    )
    label = calls[0][0]
    assert label.startswith("rows into t ")
    assert calls == [(label, done, 1050) for done in (262, 524, 786, 1048, 1050)]
    assert (result.rows, result.inserted) == (1050, 1050)
    assert door.read(table).sort("id").equals(FRAME)


def test_a_stream_has_no_total(door: Door) -> None:
    calls: list[tuple[Any, ...]] = []
    parts: Iterator[pl.DataFrame] = iter([FRAME[:60], FRAME[60:120]])
    door.write(parts, door.table(), progress=lambda *call: calls.append(call[1:]))
    assert calls == [(60, None), (120, None)]


def test_rows_are_told_after_they_were_sent(door: Door) -> None:
    table = door.table()

    class StoppedError(Exception):
        pass

    def stop(label: str, done: int, total: int | None) -> None:
        raise StoppedError(f"{done} of {total}")

    with pytest.raises(StoppedError, match="262 of 1050"):
        door.write(FRAME, table, progress=stop)
    assert db.table_columns(table, door.settings) is None  # undone, as after any other error
