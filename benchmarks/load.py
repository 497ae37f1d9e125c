"""How fast tables are replaced and read, against what else there is, on the same server.

``python -m benchmarks.load --engines sqlite,postgres,duckdb,mssql --rows 100000 --json out.json``

Every measurement is a process of its own: it connects, does the work once unmeasured, and then
once with the clock on. Contenders take turns (A B C A B C ...), so that what else the machine does
hits all of them; told are medians. Ours is ``write_frame(mode="replace")``: all or nothing, checked,
counted by the server, in a table that stays. Most of the others are none of these.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from benchmarks import data, growth, memory, peers
from benchmarks.arguments import names_of
from benchmarks.chart import bars
from benchmarks.pipeline import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SECONDS: Final = 600
_SLOW_SECONDS: Final = 20.0
_KINDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "write": peers.WRITERS,
    "read": peers.READERS,
}
_PACKAGES: Final = (
    "polars",
    "pandas",
    "pyarrow",
    "SQLAlchemy",
    "psycopg",
    "adbc-driver-postgresql",
    "adbc-driver-sqlite",
    "connectorx",
    "dlt",
    "duckdb",
    "duckdb-engine",
    "pyodbc",
    "mssql-python",
)


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Do one contender's work in this process; what can't run says why."""
    directory = Path(task["directory"])
    writes = task["kind"] == "write"
    name = peers.plain_name(f"{task['contender']}_{task['frame']}")
    at = peers.settings_of(task["engine"], directory, name if writes else f"read_{task['frame']}")
    assert at is not None
    table = f"bench_{name}" if writes else f"bench_read_{task['frame']}"
    bench = peers.Bench(task["engine"], at, table, directory)
    frame = pl.read_parquet(task["file"])
    if writes:
        make = peers.WRITERS[task["engine"]][task["contender"]]
        return _measured_write(make, bench, frame)
    action = peers.READERS[task["engine"]][task["contender"]](bench)
    result, found = _timed(action)
    return {**found, "note": _faults(_frame(result), frame)}


def _measured_write(make: Any, bench: peers.Bench, frame: pl.DataFrame) -> dict[str, Any]:
    note = ""
    try:
        action = make(bench, frame)
        _, found = _timed(action)
    except ImportError:
        raise
    except Exception as error:  # whatever a peer raises for a decimal
        plain = frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))
        if plain.schema == frame.schema:
            raise
        note = f"decimals as floats ({type(error).__name__} with decimals)"
        _, found = _timed(make(bench, plain))
    return {**found, "note": note}


def _timed(action: Any) -> tuple[Any, dict[str, Any]]:
    """The second run of an action; of a slow one the first, in which warming up is nothing."""
    result, seconds, used, before = _clocked(action)
    if seconds < _SLOW_SECONDS:
        result, seconds, used, before = _clocked(action)
    peak = memory.peak_mb()
    return result, {
        "seconds": seconds,
        "cpu_seconds": used,
        "peak_mb": peak,
        "added_mb": peak - before,
    }


def _clocked(action: Any) -> tuple[Any, float, float, float]:
    before = memory.forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return result, time.perf_counter() - wall, time.process_time() - cpu, before


def _frame(result: Any) -> pl.DataFrame:
    if isinstance(result, pl.DataFrame):
        return result
    made = pl.from_pandas(result) if hasattr(result, "iloc") else pl.from_arrow(result)
    assert isinstance(made, pl.DataFrame)
    return made


def _faults(result: pl.DataFrame, frame: pl.DataFrame) -> str:
    if result.height != frame.height:
        return f"{result.height} rows of {frame.height}"
    wrong = sum(result.schema.get(name) != dtype for name, dtype in frame.schema.items())
    return f"{wrong} of {frame.width} columns come back as another type" if wrong else "exact types"


def in_new_process(task: dict[str, Any]) -> dict[str, Any]:
    """One measurement; of a contender that can't run, why."""
    command = [sys.executable, "-m", "benchmarks.load", "--child", json.dumps(task)]
    root = Path(__file__).resolve().parents[1]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"left_out": f"took more than {_SECONDS} s"}
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return {"left_out": f"failed: {said[:160]}"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def compete(
    task: dict[str, Any], rounds: int, chosen: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Let the contenders of one discipline take turns."""
    engine, kind = task["engine"], task["kind"]
    if kind == "read":
        made = in_new_process({**task, "kind": "prepare"})
        if "left_out" in made:
            raise SystemExit(f"{engine}: the table to read could not be made: {made['left_out']}")
    alive = [name for name in _KINDS[kind][engine] if not chosen or name in chosen]
    for at in range(rounds):
        for contender in list(alive):
            found = in_new_process({**task, "contender": contender})
            if "left_out" in found:
                alive.remove(contender)
                print(
                    f"  {engine} {kind} {task['frame']}: without {contender}: {found['left_out']}"
                )
            else:
                yield {**task, "contender": contender, "round": at, **found}


def _prepare(task: dict[str, Any]) -> dict[str, Any]:
    """The table that readers read, of exact types."""
    at = peers.settings_of(task["engine"], Path(task["directory"]), f"read_{task['frame']}")
    assert at is not None
    frame = pl.read_parquet(task["file"])
    bench = peers.Bench(task["engine"], at, f"bench_read_{task['frame']}", Path(task["directory"]))
    peers.WRITERS[task["engine"]][peers.OURS](bench, frame)()
    return {}


def medians(runs: Sequence[dict[str, Any]], rows: int) -> list[dict[str, Any]]:
    """Medians by discipline and contender, and how many times as fast we are.

    >>> run = {"engine": "e", "kind": "read", "frame": "f", "added_mb": 1, "note": ""}
    >>> [found["ours_is"] for found in medians([
    ...     {**run, "contender": "etl", "seconds": 1.0}, {**run, "contender": "b", "seconds": 3.0}
    ... ], 10)]
    [1.0, 3.0]
    """
    groups: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
    for run in runs:
        group = groups.setdefault((run["engine"], run["kind"], run["frame"]), {})
        group.setdefault(run["contender"], []).append(run)
    found = []
    for (engine, kind, frame), contenders in groups.items():
        seconds = {
            name: statistics.median(run["seconds"] for run in runs)
            for name, runs in contenders.items()
        }
        for name, taken in sorted(seconds.items(), key=lambda item: item[1]):
            found.append({
                "engine": engine, "kind": kind, "frame": frame, "contender": name,
                "seconds": taken, "rows_per_second": rows / taken,
                "ours_is": taken / seconds[peers.OURS] if peers.OURS in seconds else None,
                "added_mb": statistics.median(run["added_mb"] for run in contenders[name]),
                "note": contenders[name][-1]["note"],
            })  # fmt: skip
    return found


def report(found: Sequence[dict[str, Any]]) -> None:
    """Print a table for each discipline."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=120)
    for title in dict.fromkeys((f["engine"], f["kind"], f["frame"]) for f in found):
        table = Table("contender", title=" ".join(title), title_justify="left")
        for header in ("seconds", "rows/s", "etl is ... times as fast", "peak MB added"):
            table.add_column(header, justify="right")
        table.add_column("note")
        for line in found:
            if (line["engine"], line["kind"], line["frame"]) == title:
                ratio = line["ours_is"]
                table.add_row(
                    line["contender"],
                    f"{line['seconds']:.2f}",
                    f"{line['rows_per_second']:,.0f}",
                    "" if ratio is None else f"{ratio:.2f}",
                    f"{line['added_mb']:.0f}",
                    line["note"],
                )
        console.print(table)


def _about() -> dict[str, Any]:
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {**machine(), "packages": packages}


def _chart(found: Sequence[dict[str, Any]], path: Path, rows: int) -> None:
    groups: dict[str, dict[str, float]] = {}
    for line in found:
        group = groups.setdefault(f"{line['engine']}: {line['kind']} {line['frame']}", {})
        group[line["contender"]] = line["rows_per_second"]
    title = f"Thousands of rows a second, {rows:,} rows (longer is better)"
    path.write_text(bars(groups, title=title, ours=peers.OURS), encoding="utf-8")


def _listens(engine: str, directory: Path) -> bool:
    """Whether an engine can be measured; if not, says why."""
    from etl.errors import EtlError
    from etl.io import db_helper as db

    at = peers.settings_of(engine, directory)
    if at is None:
        print(f"without {engine}: ETL_TEST_MSSQL_URL is not set")
        return False
    try:
        db.read_frame("select 1 as one", at)
    except EtlError as error:
        print(f"without {engine}: {error}")
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    contenders = [
        name for engines in _KINDS.values() for names in engines.values() for name in names
    ]
    for what, known in (("engines", peers.ENGINES), ("frames", data.FRAMES), ("kinds", _KINDS)):
        parser.add_argument(f"--{what}", type=names_of(known), default=",".join(known))
    parser.add_argument(
        "--contenders",
        type=names_of(contenders),
        default="",
        help="some of them only (default: all)",
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are told")
    parser.add_argument("--json", type=Path, help="write every run's figures into this file")
    parser.add_argument("--chart", type=Path, help="write a chart into this SVG file")
    parser.add_argument(
        "--growth",
        action="store_true",
        help="instead: time at 10 times the rows, and the memory of long streams",
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(_child(json.loads(options.child))))
        return
    with tempfile.TemporaryDirectory(prefix="bench") as place:
        directory = Path(place)
        engines = [e for e in options.engines if _listens(e, directory)]
        if options.growth:
            runs = growth.run(engines, options.rows, directory, in_new_process)
            result: dict[str, Any] = {"machine": _about(), "growth": runs}
        else:
            runs, found = [], []
            for frame in options.frames:
                file, origin = data.make(frame, options.rows, directory)
                print(f"{frame}: {options.rows} rows, {origin}", flush=True)
                for engine in engines:
                    for kind in options.kinds:
                        task = {"engine": engine, "kind": kind, "frame": frame}
                        task |= {"file": str(file), "directory": place}
                        done = list(compete(task, options.rounds, options.contenders))
                        told = medians(done, options.rows)
                        report(told)
                        runs += done
                        found += told
            if options.chart:
                _chart(found, options.chart, options.rows)
            result = {"machine": _about(), "rows": options.rows, "medians": found, "runs": runs}
        _drop_tables(engines, directory)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _child(task: dict[str, Any]) -> dict[str, Any]:
    work = {"prepare": _prepare, "growth": growth.measure}.get(task["kind"], measure)
    # dlt and others print; the last line is the answer.
    try:
        return work(task)
    except ImportError as error:
        return {"left_out": str(error)}
    except Exception as error:  # noqa: BLE001 - a peer may raise anything: it is left out by name
        said = (str(error).splitlines() or [""])[0]
        return {"left_out": f"failed: {type(error).__name__}: {said[:160]}"}


def _drop_tables(engines: Sequence[str], directory: Path) -> None:
    """Leave a server as it was."""
    from etl.io import db_helper as db

    for engine in set(engines) & {"postgres", "mssql"}:
        at = peers.settings_of(engine, directory)
        assert at is not None
        tables = db.read_frame(
            "select table_schema as place, table_name as name from information_schema.tables "
            "where table_name like 'bench!_%' escape '!' or table_schema like 'bench!_dlt%' escape '!'",
            at,
        )
        for schema, name in tables.iter_rows():
            db.execute(f'drop table "{schema}"."{name}"', at)
        if engine == "postgres":
            db.execute("drop schema if exists bench_dlt cascade", at)
            db.execute("drop schema if exists bench_dlt_staging cascade", at)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
