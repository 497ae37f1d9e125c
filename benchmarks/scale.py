"""How far one machine goes: time and memory of the same transforms on every engine, at growing rows.

``python -m benchmarks.scale --rows 100000 1000000`` makes the rows once, as Parquet files, and lets
each engine read them, run the transform and write Parquet files, each in a process of its own. Told
are the seconds and the highest resident size of all the engine's processes together (Spark's Java is
one), from the moment the engine stands ready. An engine that takes more memory than ``--limit`` is
ended, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import chart, scale_data
from benchmarks.arguments import names_of
from benchmarks.pipeline import machine

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_CUSTOMER: Final = "polars-by-customer"
ENGINES: Final = ("polars", "polars-lazy", "polars-streaming", "duckdb", "spark", BY_CUSTOMER)
WORK: Final = ("board-planning", "audit, exact part")
_ROOT: Final = Path(__file__).resolve().parents[1]
_MAKE: Final = {WORK[0]: scale_data.board, WORK[1]: scale_data.audit_tables}
_BUDGETS: Final = {BY_CUSTOMER: 100}  # it is there for small memory
_PAUSE: Final = 0.1
_MB: Final = 2**20
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Watch:
    """The processor time and the peak memory of a process and all that it started."""

    def __init__(self, pid: int, limit_mb: float) -> None:
        self.pid, self.limit_mb = pid, limit_mb
        self.peak_mb, self.over = 0.0, False
        self._ticks: dict[int, int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def cpu_seconds(self) -> float:
        """What all have used so far, those that have ended too."""
        return sum(self._ticks.values()) / _TICKS

    def forget(self) -> None:
        """Let the peak begin anew."""
        self.peak_mb = 0.0

    def look(self) -> None:
        """Measure once; end the process where it is over its limit."""
        table = _processes()
        tree, found = {self.pid}, True
        while found:
            more = {pid for pid, (parent, _, _) in table.items() if parent in tree} - tree
            tree, found = tree | more, bool(more)
        known = {pid: table[pid] for pid in tree if pid in table}
        self._ticks |= {pid: ticks for pid, (_, ticks, _) in known.items()}
        resident = sum(size for _, _, size in known.values()) / _MB
        self.peak_mb = max(self.peak_mb, resident)
        if resident > self.limit_mb and not self.over:
            self.over = True
            for pid in known:
                os.kill(pid, 9)

    def stop(self) -> None:
        """Watch no longer."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_PAUSE):
            self.look()


def _processes() -> dict[int, tuple[int, int, int]]:
    """Every process: its parent, its processor time in ticks, its resident size in bytes (proc(5))."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                text = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            told = text[text.rindex(")") + 2 :].split()
            ticks = int(told[11]) + int(told[12])
            found[int(entry.name)] = int(told[1]), ticks, int(told[21]) * _PAGE
    return found


def in_new_process(task: dict[str, Any], limit_mb: float) -> dict[str, Any]:
    """Let one engine do one piece of work, and measure it."""
    command = [sys.executable, "-m", "benchmarks.scale_engines", json.dumps(task)]
    environment = {**os.environ, "TMPDIR": task["directory"]}
    budget = task["budget_mb"] or _BUDGETS.get(task["engine"])
    if task["engine"] in ("polars-streaming", BY_CUSTOMER) and budget:
        environment["POLARS_OOC_MEMORY_BUDGET_MB"] = str(budget)
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )  # fmt: skip
        assert process.stdout is not None
        watch = Watch(process.pid, limit_mb)
        try:
            said = _said(process.stdout, "ready")
            watch.look()
            watch.forget()
            began, used = time.perf_counter(), watch.cpu_seconds
            said = said and _said(process.stdout, "done")
            seconds = time.perf_counter() - began
            watch.look()
            result = {
                "seconds": seconds, "cpu_seconds": watch.cpu_seconds - used,
                "peak_mb": watch.peak_mb,
            }  # fmt: skip
            rest = process.stdout.read()
        finally:
            watch.stop()
            process.kill()
            process.wait()
        if watch.over:
            return {"over_mb": limit_mb}
        if not said or not rest:
            errors.seek(0)
            raise SystemExit(f"{task['work']} on {task['engine']} failed:\n{errors.read()[-4000:]}")
    counts: dict[str, int] = json.loads(rest.splitlines()[-1])
    return {**result, "counts": counts}


def _said(lines: Any, word: str) -> bool:
    return any(line.strip() == word for line in lines)


def report(runs: Sequence[dict[str, Any]]) -> None:
    """Print a table of all runs."""
    from rich.console import Console
    from rich.table import Table

    table = Table("work", "rows", "engine", title="from Parquet to Parquet", title_justify="left")
    for header in ("seconds", "cpu s", "rows/cpu s", "peak MB"):
        table.add_column(header, justify="right")
    for run in runs:
        told = (
            [f"{run['seconds']:.1f}", f"{run['cpu_seconds']:.1f}",
             f"{run['rows'] / max(run['cpu_seconds'], 0.01):,.0f}", f"{run['peak_mb']:,.0f}"]
            if "seconds" in run else ["-", "-", "-", f"over {run['over_mb']:,.0f}"]
        )  # fmt: skip
        table.add_row(run["work"], f"{run['rows']:,}", run["engine"], *told)
    Console(width=110).print(table)


def draw(runs: Sequence[dict[str, Any]]) -> str:
    """Draw processor time and peak memory over the rows, a line an engine, as SVG."""
    panels = {}
    for work in dict.fromkeys(run["work"] for run in runs):
        for label, key in (("processor seconds", "cpu_seconds"), ("peak memory, MB", "peak_mb")):
            lines: dict[str, list[tuple[float, float]]] = {}
            for run in sorted(runs, key=lambda run: run["rows"]):
                if run["work"] == work and key in run:
                    lines.setdefault(run["engine"], []).append((run["rows"], run[key]))
            panels[f"{work}: {label}"] = lines
    return chart.lines(panels, names=ENGINES)


def run_all(options: argparse.Namespace, directory: Path) -> list[dict[str, Any]]:
    """Measure all; SystemExit where two engines give another number of rows."""
    runs: list[dict[str, Any]] = []
    for work in options.work:
        for rows in options.rows:
            place = directory / f"{work.split(',')[0]}-{rows}"
            if not (place / "made").exists():
                print(f"making {rows:,} rows for {work}", file=sys.stderr)
                _MAKE[work](rows, place)
                (place / "made").touch()
            counted: dict[str, dict[str, int]] = {}
            for engine in options.engines:
                if engine == BY_CUSTOMER and work == WORK[0]:
                    continue  # its rows are cleaned one by one
                with tempfile.TemporaryDirectory(dir=directory) as out:
                    task = {"work": work, "engine": engine, "data": str(place), "directory": out}
                    task["budget_mb"] = options.budget
                    found = in_new_process(task, options.limit)
                runs.append({"work": work, "rows": rows, "engine": engine, **found})
                print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
                if "counts" in found:
                    counted[engine] = found["counts"]
            if len({json.dumps(counts, sort_keys=True) for counts in counted.values()}) > 1:
                raise SystemExit(f"{work}, {rows:,} rows: the engines do not agree: {counted}")
    return runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument(
        "--engines",
        type=names_of(ENGINES),
        default=",".join(ENGINES),
        help=f"of {', '.join(ENGINES)}",
    )
    parser.add_argument("--work", nargs="+", choices=WORK, default=list(WORK))
    parser.add_argument("--budget", type=int, metavar="MB", help="from which memory engines that can go to disk do so (default: their own; 100 customer by customer)")  # fmt: skip
    parser.add_argument("--limit", type=float, metavar="MB", help="end a run that takes more (default: 60 %% of the machine's memory)")  # fmt: skip
    parser.add_argument("--data", type=Path, help="keep the rows in this directory, for more runs")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    parser.add_argument("--chart", type=Path, help="draw them into this SVG file")
    options = parser.parse_args(arguments)
    if not Path("/proc/self/stat").exists():
        parser.error("the memory of an engine's processes is read from /proc: this needs Linux")
    options.limit = options.limit or 0.6 * os.sysconf("SC_PHYS_PAGES") * _PAGE / _MB
    about = machine()
    print(f"{about['cpu']}, {about['cores']} cores, load average {about['load_average']}")
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        if options.data:
            options.data.mkdir(parents=True, exist_ok=True)
        runs = run_all(options, options.data or Path(temporary))
    report(runs)
    if options.json:
        result = {"machine": about, "budget_mb": options.budget, "runs": runs}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.chart:
        options.chart.write_text(draw(runs), encoding="utf-8")


if __name__ == "__main__":
    main()
