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
# The engines' own loaders: what grows with the server grows for them, too.
_LIMITS: Final = {
    "sqlite": "sqlite3 .import",
    "postgres": "psql \\copy",
    "duckdb": "duckdb insert from Arrow",
    "mssql": "bulk copy, called directly",
}


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
        directory, contender = Path(task["directory"]), task["contender"]
        table = f"{table}_{peers.plain_name(contender)}"
        bench = peers.Bench(task["engine"], at, table, directory)
        replace = peers.WRITERS[task["engine"]][contender](bench, data.lineitem(rows))
        replace()
        began = time.perf_counter()
        replace()
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

    def one(engine: str, what: str, size: int, contender: str = peers.OURS) -> dict[str, Any]:
        task = {"kind": "growth", "engine": engine, "what": what, "rows": size}
        task["contender"] = contender
        found = in_new_process({**task, "directory": str(directory)})
        if "left_out" not in found:
            runs.append({**task, **found})
        elif contender == peers.OURS:
            raise SystemExit(f"{engine}, {what}, {size} rows: {found['left_out']}")
        return found

    for engine in engines:
        for contender, times in _times(engine, rows, rounds, one).items():
            small, large = (statistics.median(seconds) for seconds in times)
            print(
                f"{engine}, {contender}: {rows} rows {small:.2f} s, {10 * rows} rows "
                f"{large:.2f} s: {large / small:.1f} times",
                flush=True,
            )
        for what in ("write stream", "read stream"):
            peaks = [one(engine, what, size)["peak_mb"] for size in streams]
            shown = ", ".join(
                f"{size} rows {peak:.0f} MB" for size, peak in zip(streams, peaks, strict=True)
            )
            print(f"{engine}: {what}, peak memory: {shown}", flush=True)
    return runs


def _times(
    engine: str, rows: int, rounds: int, one: Callable[..., dict[str, Any]]
) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds for the rows and for ten times as many, of us and of the engine's own loader."""
    times: dict[str, tuple[list[float], list[float]]] = {
        contender: ([], []) for contender in (peers.OURS, _LIMITS[engine])
    }
    for _ in range(rounds):
        for contender in list(times):
            for size, seconds in zip((rows, 10 * rows), times[contender], strict=True):
                found = one(engine, "frame", size, contender)
                if "left_out" in found:
                    print(f"{engine}: without {contender}: {found['left_out']}")
                    del times[contender]
                    break
                seconds.append(found["seconds"])
    return times
