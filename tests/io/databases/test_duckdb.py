"""DuckDB: what its transactions keep until they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from etl.io.databases import duckdb
from tests.databases import Door, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_one_view_shows_all_batches_of_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A view of each would hold its frame until the commit: DuckDB keeps what was dropped, too.
    shown: list[duckdb._Shown] = []

    class Noted(duckdb._Shown):
        def __init__(self, frame: pl.DataFrame) -> None:
            super().__init__(frame)
            shown.append(self)

    monkeypatch.setattr(duckdb, "_Shown", Noted)
    door = Door("duckdb", settings_of("duckdb", tmp_path))
    frames = [pl.DataFrame({"id": [n], "note": [f"🎉{n}"]}) for n in range(5)]
    for mode in ("replace", "sync"):
        assert door.write(iter(frames), "t", mode=mode, key=["id"]).rows == 5
        [only] = shown
        assert only.frame.is_empty()
        shown.clear()
    assert door.read("t").sort("id").equals(pl.concat(frames))
