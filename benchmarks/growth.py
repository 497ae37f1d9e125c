"""How loads grow: time at ten times the rows, and the memory of streams of any length."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import data, memory, peers
from etl.io import db_helper as db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl

__all__ = ["measure", "run"]

_BATCH: Final = 50_000
_STREAMS: Final = (500_000, 5_000_000)


def _stream(rows: int) -> Iterator[pl.DataFrame]:
    for offset in range(0, rows, _BATCH):
        yield data.lineitem(min(_BATCH, rows - offset), offset=offset)


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """One load or one read in this process: seconds, and the highest resident size."""
    at = peers.settings_of(task["engine"], Path(task["directory"]), "growth")
    assert at is not None
    rows, what = int(task["rows"]), task["what"]
    table = f"bench_growth_{rows}"
    if what == "frame":
        frame = data.lineitem(rows)
        db.write_frame(frame, table, at, mode="replace")
        began = time.perf_counter()
        db.write_frame(frame, table, at, mode="replace")
    elif what == "write stream":
        began = time.perf_counter()
        result = db.write_frame(_stream(rows), table, at, mode="replace")
        assert result.rows == rows
    else:
        began = time.perf_counter()
        read = sum(frame.height for frame in db.read_frame(table, at, batch_rows=_BATCH))
        assert read == rows
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_mb": memory.peak_mb()}


def run(
    engines: Sequence[str],
    rows: int,
    directory: Path,
    in_new_process: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    streams: Sequence[int] = _STREAMS,
    rounds: int = 3,
) -> list[dict[str, Any]]:
    """Measure and print; the time of frames by medians of alternating runs."""
    runs: list[dict[str, Any]] = []

    def one(engine: str, what: str, size: int) -> dict[str, Any]:
        task = {"kind": "growth", "engine": engine, "what": what, "rows": size}
        found = in_new_process({**task, "directory": str(directory)})
        if "left_out" in found:
            raise SystemExit(f"{engine}, {what}, {size} rows: {found['left_out']}")
        runs.append({**task, **found})
        return found

    for engine in engines:
        times: dict[int, list[float]] = {rows: [], 10 * rows: []}
        for _ in range(rounds):
            for size, seconds in times.items():
                seconds.append(one(engine, "frame", size)["seconds"])
        small, large = (statistics.median(seconds) for seconds in times.values())
        print(
            f"{engine}: {rows} rows {small:.2f} s, {10 * rows} rows {large:.2f} s: "
            f"{large / small:.1f} times"
        )
        for what in ("write stream", "read stream"):
            peaks = [one(engine, what, size)["peak_mb"] for size in streams]
            shown = ", ".join(
                f"{size} rows {peak:.0f} MB" for size, peak in zip(streams, peaks, strict=True)
            )
            print(f"{engine}: {what}, peak memory: {shown}")
    return runs
