"""How fast ``board-planning`` is, how much memory it takes, and where the time goes.

``python -m benchmarks.pipeline --rows 100000`` runs the job as ``etl run board-planning`` does: the
sample board's pages through the client, the transform and the contract, into a new SQLite file.
Every run is a process of its own, so that none finds warm caches, and its peak memory is its own.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_JOB: Final = "board-planning"
_CONFIG: Final = """
databases:
  orders: {{url: "sqlite:///orders.db"}}
apis:
  monday: {{sample: true, sample_rows: {rows}, boards: {{planning: {{id: "1"}}}}}}
"""

# (label, module, what): the phases follow each other and are all that a run does.
_PHASES: Final = (
    ("fetch and parse", "etl.jobs.base", "Job.read_inputs"),
    ("transform", "etl.jobs.base", "Job.apply"),
    ("contract check", "etl.jobs.base", "Job.check"),
    ("write", "etl.runner._step", "_write"),
)
# Parts of the phases. The first three share the processor between two threads, and are timed by
# thread; the others by process, since polars works in threads of its own. The sample board makes
# its pages in this process; with a real board that time is monday's.
_PARTS: Final = (
    ("making the sample pages", "etl.io.monday.sample", "SampleTransport.handle_request"),
    ("parsing JSON", "etl.io.monday.client", "from_json"),
    ("decoding cells", "etl.io.monday.pages", "decode_page"),
    ("typing whole columns", "etl.io.monday.pages", "finish"),
    ("contract, by the writer", "etl.io.loading", "_check_contract"),
    ("fitting the table's types", "etl.io.loading", "conform"),
    ("SQLite's INSERT", "etl.io.databases.sqlite", "SqliteDatabase.insert"),
)
_BY_THREAD: Final = 3
_PACKAGES: Final = ("polars", "narwhals", "dataframely", "httpx", "SQLAlchemy")


class Stopwatch:
    """Wall-clock and processor seconds by label."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._lock = threading.Lock()

    def watch(self, label: str, module: str, what: str, cpu: Callable[[], float]) -> None:
        """Time a function wherever its module, or its class, is asked for it."""
        owner: Any = importlib.import_module(module)
        *path, name = what.split(".")
        for part in path:
            owner = getattr(owner, part)
        timed = getattr(owner, name)

        @functools.wraps(timed)
        def call(*args: Any, **options: Any) -> Any:
            wall, used = time.perf_counter(), cpu()
            try:
                return timed(*args, **options)
            finally:
                with self._lock:
                    self._add(label, time.perf_counter() - wall, cpu() - used)

        setattr(owner, name, call)

    def _add(self, label: str, wall: float, cpu: float) -> None:
        self.wall[label] = self.wall.get(label, 0.0) + wall
        self.cpu[label] = self.cpu.get(label, 0.0) + cpu


def run_once(rows: int, *, profile: int = 0) -> dict[str, Any]:
    """Run the job in this process, in the current directory, and say what it took.

    Parameters
    ----------
    rows
        Items on the sample board.
    profile
        Show so many functions of a profile on stderr; the profiler slows everything down.
    """
    import resource

    Path("config.yaml").write_text(_CONFIG.format(rows=rows), encoding="utf-8")
    from etl.config import load_config
    from etl.runner import run

    stopwatch = Stopwatch()
    for label, module, what in _PHASES:
        stopwatch.watch(label, module, what, time.process_time)
    for at, (label, module, what) in enumerate(_PARTS):
        clock = time.thread_time if at < _BY_THREAD else time.process_time
        stopwatch.watch(label, module, what, clock)
    config = load_config("config.yaml")
    before = resource.getrusage(resource.RUSAGE_SELF)
    began, began_cpu = time.perf_counter(), time.process_time()
    result = _profiled(lambda: run(_JOB, config), profile) if profile else run(_JOB, config)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    if result.rows_read != rows or result.rows_written + result.rows_quarantined != rows:
        raise SystemExit(f"{rows} items were made, and the run says {result}")
    return {
        "rows": rows,
        "rows_quarantined": result.rows_quarantined,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "rss_before_mb": before.ru_maxrss / 1024,
        "phases": {label: stopwatch.wall[label] for label, _, _ in _PHASES},
        "phases_cpu": {label: stopwatch.cpu[label] for label, _, _ in _PHASES},
        "parts_cpu": {label: stopwatch.cpu[label] for label, _, _ in _PARTS},
        "file_mb": sum(f.stat().st_size for f in Path().glob("orders.db*")) / 2**20,
    }


def _profiled(call: Callable[[], Any], top: int) -> Any:
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    try:
        return profiler.runcall(call)
    finally:
        stats = pstats.Stats(profiler, stream=sys.stderr)
        stats.strip_dirs().sort_stats("tottime").print_stats(top)


def in_new_process(rows: int, *, profile: int = 0) -> dict[str, Any]:
    """Run the job once in a process of its own, with its peak memory."""
    command = [sys.executable, "-m", "benchmarks.pipeline", "--child"]
    command += ["--rows", str(rows), "--profile", str(profile)]
    root = Path(__file__).resolve().parents[1]
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DB_CONFIG_PATH", "ETL_PROFILE", "MONDAY_API_TOKEN", "MONDAY_API_URL")
    }
    environment["PYTHONPATH"] = str(root)
    with (
        tempfile.TemporaryDirectory() as directory,
        subprocess.Popen(
            command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        out = process.stdout.read()
        # This child's own usage; getrusage(RUSAGE_CHILDREN) is the highest of all children.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"a run failed with exit code {process.returncode}")
    measured: dict[str, Any] = json.loads(out.splitlines()[-1])
    return {**measured, "rss_peak_mb": usage.ru_maxrss / 1024}


def medians(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of every figure over several runs.

    >>> medians([{"a": 1, "b": {"c": 5.0}}, {"a": 3, "b": {"c": 7.0}}])
    {'a': 2.0, 'b': {'c': 6.0}}
    """
    return {
        name: medians([run[name] for run in runs])
        if isinstance(value, dict)
        else statistics.median(run[name] for run in runs)
        for name, value in runs[0].items()
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    model = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        lines = about.read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 1),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


def report(sizes: Iterable[dict[str, Any]], about: dict[str, Any]) -> None:
    """Print the medians as text."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    print(f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}")
    print(f"Python {about['python']}, {packages}; load average {about['load_average']}")
    for found in sizes:
        rows, cpu = found["rows"], found["cpu_seconds"]
        print(f"\n{rows:.0f} rows, median of {found['runs']} runs")
        print(f"  {found['seconds']:7.2f} s   {rows / found['seconds']:8.0f} rows/s by the clock")
        print(f"  {cpu:7.2f} s   {rows / cpu:8.0f} rows/s of processor time")
        print(
            f"  {found['rss_peak_mb']:7.0f} MB  peak memory ({found['rss_before_mb']:.0f} MB before "
            f"the first row), {found['file_mb']:.0f} MB file"
        )
        print(f"  {'phase':28}{'clock s':>9}{'cpu s':>9}{'% of cpu':>10}")
        for label, wall in found["phases"].items():
            used = found["phases_cpu"][label]
            print(f"  {label:28}{wall:9.2f}{used:9.2f}{100 * used / cpu:10.0f}")
        print("  of these")
        for label, used in found["parts_cpu"].items():
            print(f"  {label:28}{'':9}{used:9.2f}{100 * used / cpu:10.0f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[100_000], help="items; several show the growth"
    )
    parser.add_argument("--runs", type=int, default=3, help="of which the medians are told")
    parser.add_argument("--json", type=Path, help="write every run's figures into this file")
    parser.add_argument(
        "--profile",
        type=int,
        nargs="?",
        const=25,
        default=0,
        metavar="N",
        help="after that, one more run under cProfile: its N most costly functions",
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(run_once(options.rows[0], profile=options.profile)))
        return
    about, sizes, every = machine(), [], []
    for rows in options.rows:
        runs = [in_new_process(rows) for _ in range(options.runs)]
        every += runs
        sizes.append({**medians(runs), "runs": len(runs)})
    report(sizes, about)
    if options.json:
        found = {"machine": about, "medians": sizes, "runs": every}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.profile:
        in_new_process(options.rows[-1], profile=options.profile)


if __name__ == "__main__":
    main()
