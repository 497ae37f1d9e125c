"""DuckDB: what its transactions keep until they end, and what else a process may do with a file."""

from __future__ import annotations

from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from etl.config import DatabaseSettings
from etl.io.databases import duckdb, duckdb_memory
from tests.databases import Door, settings_of
from tests.requires import required_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

peer = required_module("duckdb", "duckdb (uv sync --all-extras)")


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


def test_a_file_that_is_open_in_the_same_process_can_be_read_and_written(tmp_path: Path) -> None:
    at = settings_of("duckdb", tmp_path)
    door = Door("duckdb", at)
    door.write(pl.DataFrame({"id": [1]}), "t")
    with closing(peer.connect(at.database)) as notebook:
        door.write(pl.DataFrame({"id": [2]}), "t")
        assert door.read("t")["id"].to_list() == [1, 2]
        assert notebook.execute("SELECT id FROM t ORDER BY id").fetchall() == [(1,), (2,)]


def _random(frames: int) -> Iterator[pl.DataFrame]:
    """Frames of 3.2 MB each, which no compression makes smaller."""
    random = np.random.default_rng(7)
    for _ in range(frames):
        yield pl.DataFrame(random.random((50_000, 8)))


def _cached(raw: Any) -> float:
    """How much of its file DuckDB holds in memory, in MB."""
    sql = "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag = 'BASE_TABLE'"
    ((used,),) = raw.execute(sql).fetchall()
    return float(used or 0) / 1e6


def _settings(raw: Any) -> dict[str, str]:
    # What is reckoned from the limit has a digit more than DuckDB tells of the limit itself.
    sql = "SELECT name, value FROM duckdb_settings() WHERE name NOT LIKE '%group_memory%'"
    return dict(raw.execute(sql).fetchall())


def test_streams_leave_little_of_the_file_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached: list[float] = []

    def noted(raw: Any) -> None:
        duckdb_memory.drop_cached(raw)
        cached.append(_cached(raw.duplicate()))

    monkeypatch.setattr(duckdb, "drop_cached", noted)
    door = Door("duckdb", settings_of("duckdb", tmp_path))
    assert door.write(_random(24), "t").rows == 1_200_000
    assert sum(frame.height for frame in door.read("t", batch_rows=50_000)) == 1_200_000
    assert len(cached) >= 48
    assert max(cached) < 32  # of 77 MB


@pytest.mark.parametrize("limit", [None, "1GB", "500 MiB", "3.3 GiB"])
def test_what_is_cached_goes_and_the_settings_stay(tmp_path: Path, limit: str | None) -> None:
    at = settings_of("duckdb", tmp_path)
    Door("duckdb", at).write(_random(16), "t")
    with closing(peer.connect(at.database)) as raw:
        if limit is not None:
            raw.execute(f"SET memory_limit = '{limit}'")
        before = _settings(raw)
        for _ in range(3):
            raw.execute("SELECT sum(columns(*)) FROM t").fetchall()
            assert _cached(raw) > 32
            duckdb_memory.drop_cached(raw)
            assert _cached(raw) < 32
        assert _settings(raw) == before


def test_nothing_is_changed_while_others_have_the_file_open(tmp_path: Path) -> None:
    at = settings_of("duckdb", tmp_path)
    door = Door("duckdb", at)
    door.write(_random(16), "t")
    with closing(peer.connect(at.database)) as raw, closing(peer.connect(at.database)) as other:
        raw.execute("SELECT sum(columns(*)) FROM t").fetchall()
        before, settings = _cached(raw), _settings(other)
        duckdb_memory.drop_cached(raw)
        assert _cached(raw) == before > 32

        def stream() -> Iterator[pl.DataFrame]:
            for frame in _random(2):
                assert _settings(other) == settings
                yield frame

        assert door.write(stream(), "t").inserted == 100_000
        assert _settings(other) == settings


@pytest.mark.parametrize("fails", [False, True])
def test_the_settings_of_a_database_in_memory_come_back_after_a_load(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    door = Door("duckdb", DatabaseSettings.from_url("duckdb://"))
    setting = "SELECT current_setting('write_buffer_row_group_count')::int AS n"
    meanwhile: list[int] = []

    def noted(raw: Any) -> None:
        meanwhile.append(raw.duplicate().execute(setting).fetchall()[0][0])

    def stream() -> Iterator[pl.DataFrame]:
        yield from (pl.DataFrame({"id": [n]}) for n in range(2))
        if fails:
            raise ValueError("the source is gone")

    monkeypatch.setattr(duckdb, "drop_cached", noted)
    door.execute("SET write_buffer_row_group_count = 3")
    with pytest.raises(ValueError, match="the source is gone") if fails else nullcontext():
        door.write(stream(), "t", mode="replace")
    assert meanwhile == [1, 1]
    assert door.read(setting).item() == 3
