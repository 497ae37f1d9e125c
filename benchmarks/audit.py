"""How fast the audit is, how much memory it takes, and how a plain script compares.

``python -m benchmarks.audit`` makes the sample tables, audits them with ``etl.transforms.audit`` and
with :mod:`benchmarks.row_by_row`, in turns, each in a process of its own. The script would take hours
for all, so it looks for the order lines of some shipments, spread evenly over all of them, among all
order lines; told is its time for one shipment times their number, beside what it took to read all
rows. For these shipments both must find the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from benchmarks import memory
from benchmarks.pipeline import machine

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS: Final = "etl"
SCRIPT: Final = "pandas, row by row"
_ROOT: Final = Path(__file__).resolve().parents[1]
_TABLES: Final = {"dbo.orders_unified": "orders", "dbo.packed": "packed", "dbo.shipped": "shipped"}
_KEY: Final = ("customer", "po_number", "alt_po", "style", "pattern", "color", "size")
_FOUND: Final = (*_KEY, "match_type", *(f"order_{name}" for name in _KEY[1:]))
_TARGET: Final = 50


def make(rows: int, directory: Path) -> dict[str, int]:
    """Write the tables into Parquet files; gives how many rows the audit makes of them."""
    from etl.config import load_config
    from etl.io.rules import Customers
    from etl.io.source import ReadContext
    from etl.samples.tables import sample_tables
    from etl.transforms.audit import combine, standardise, unpivot

    tables = {_TABLES[t.table]: t.rows for t in sample_tables(rows=rows) if t.table in _TABLES}
    context = ReadContext(config=load_config(_ROOT / "config.yaml"))
    customers = Customers().read(context).frame
    for name, frame in {**tables, "customers": customers}.items():
        frame.write_parquet(directory / f"{name}.parquet")
    scans = [standardise(tables[name], customers) for name in ("packed", "shipped")]
    return {
        "order_rows": tables["orders"].height,
        "order_lines": unpivot(tables["orders"], customers).height,
        "scans": tables["packed"].height + tables["shipped"].height,
        "shipments": combine(*scans).height,
    }


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Do one contender's work in this process."""
    directory = Path(task["directory"])
    names = ("packed", "shipped", "orders", "customers")
    tables = [pl.read_parquet(directory / f"{name}.parquet") for name in names]
    return (_ours if task["contender"] == OURS else _script)(tables, task)


def _ours(tables: list[pl.DataFrame], task: dict[str, Any]) -> dict[str, Any]:
    from etl.transforms.audit import audit

    audit(*(table.clear() for table in tables))  # what is imported late is not measured
    before = memory.forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    found = audit(*tables)
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    peak = memory.peak_mb()
    results = found["results"].filter(pl.col("match_type") != "UNFULFILLED")
    results = results.rename({"order_po": "order_po_number"})
    results.select(_FOUND).write_parquet(Path(task["directory"]) / "ours.parquet")
    kinds = dict(found["results"]["match_type"].value_counts().sort("match_type").iter_rows())
    return {
        "seconds": seconds, "cpu_seconds": used, "peak_mb": peak, "added_mb": peak - before,
        "match_types": kinds,
    }  # fmt: skip


def _script(tables: list[pl.DataFrame], task: dict[str, Any]) -> dict[str, Any]:
    import pandas as pd

    from benchmarks import row_by_row

    names = dict(tables[3].select("alias_key", "customer").iter_rows())
    fields = {row[0]: row[1].split(",") for row in tables[3].select("customer", "style_fields").rows()}  # fmt: skip
    packed, shipped, orders = (
        pd.DataFrame(table.to_dict(as_series=False), dtype=object) for table in tables[:3]
    )
    before = memory.forget_peak()
    began, began_cpu = time.perf_counter(), time.process_time()
    lines = row_by_row.order_lines(orders, names)
    shipments = row_by_row.shipments((packed, shipped), names)
    ready, ready_cpu = time.perf_counter(), time.process_time()
    # Evenly, by what they say, so that each customer and each kind of noise has its part.
    shipments = shipments.sort_values(list(_KEY), na_position="last", ignore_index=True)
    chosen = min(task["sample"], len(shipments))
    some = shipments.iloc[[at * len(shipments) // chosen for at in range(chosen)]]
    start, start_cpu = time.perf_counter(), time.process_time()
    found = row_by_row.matched(some, lines, fields)
    end, end_cpu = time.perf_counter(), time.process_time()
    schema = dict.fromkeys(_FOUND, pl.String)
    pl.DataFrame(found, schema=schema).write_parquet(Path(task["directory"]) / "script.parquet")
    part = len(shipments) / chosen
    return {
        "seconds": ready - began + (end - start) * part,
        "cpu_seconds": ready_cpu - began_cpu + (end_cpu - start_cpu) * part,
        "reading_seconds": ready - began,
        "matching_seconds": end - start,
        "sample": chosen,
        "lines": len(lines),
        "shipments": len(shipments),
        "peak_mb": memory.peak_mb(),
        "added_mb": memory.peak_mb() - before,
    }


def in_new_process(task: dict[str, Any]) -> dict[str, Any]:
    """One measurement."""
    command = [sys.executable, "-m", "benchmarks.audit", "--child", json.dumps(task)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task['contender']} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(directory: Path) -> dict[str, int]:
    """Count the script's matches by type; SystemExit where ours are others."""
    ours, script = (pl.read_parquet(directory / f"{name}.parquet") for name in ("ours", "script"))
    # Unknown customers and shipments without one are in both under names of their own.
    script = script.with_columns(pl.col("customer").fill_null(_nobody()))
    both = script.join(ours, on=list(_FOUND), how="semi", nulls_equal=True)
    if both.height != script.height:
        other = script.join(ours, on=list(_FOUND), how="anti", nulls_equal=True)
        there = ours.join(other, on=list(_KEY), how="semi", nulls_equal=True)
        raise SystemExit(f"not the same matches; the script's and ours:\n{other}\n{there}")
    return dict(script["match_type"].value_counts().sort("match_type").iter_rows())


def _nobody() -> str:
    from etl.contracts.audit import NO_CUSTOMER

    return NO_CUSTOMER


def medians(runs: Sequence[dict[str, Any]], scans: int) -> list[dict[str, Any]]:
    """Medians by contender, and how many times as fast we are.

    >>> runs = [{"contender": "etl", "seconds": 2.0, "cpu_seconds": 3.0, "added_mb": 1}]
    >>> runs.append({**runs[0], "contender": "b", "seconds": 200.0, "cpu_seconds": 180.0})
    >>> [(found["ours_is"], found["ours_is_by_cpu"]) for found in medians(runs, 10)]
    [(1.0, 1.0), (100.0, 60.0)]
    """
    found: list[dict[str, Any]] = []
    for name in dict.fromkeys(run["contender"] for run in runs):
        of = [run for run in runs if run["contender"] == name]
        line = {
            figure: statistics.median(run[figure] for run in of)
            for figure in ("seconds", "cpu_seconds", "added_mb")
        }
        ours = found[0] if found else line
        found.append({
            "contender": name, **line, "rows_per_second": scans / line["seconds"],
            "ours_is": line["seconds"] / ours["seconds"],
            "ours_is_by_cpu": line["cpu_seconds"] / ours["cpu_seconds"],
        })  # fmt: skip
    return found


def report(found: Sequence[dict[str, Any]], title: str) -> None:
    """Print the medians as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("contender", title=title, title_justify="left")
    headers = ("seconds", "cpu s", "packed/shipped rows/s", "etl is ... times as fast", "by cpu")
    for header in (*headers, "peak MB added"):
        table.add_column(header, justify="right")
    for line in found:
        table.add_row(
            line["contender"],
            f"{line['seconds']:,.2f}",
            f"{line['cpu_seconds']:,.2f}",
            f"{line['rows_per_second']:,.1f}",
            f"{line['ours_is']:,.1f}",
            f"{line['ours_is_by_cpu']:,.1f}",
            f"{line['added_mb']:.0f}",
        )
    Console(width=120).print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--rows", type=int, default=54_000, help="rows of dbo.orders_unified")
    parser.add_argument("--sample", type=int, default=100, help="shipments that the script matches")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are told")
    parser.add_argument("--json", type=Path, help="write every run's figures into this file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(measure(json.loads(options.child))))
        return
    about = machine()
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench") as place:
        counts = make(options.rows, Path(place))
        print(f"{about['cpu']}, {about['cores']} cores, load average {about['load_average']}")
        print(
            f"{counts['scans']:,} packed and shipped rows ({counts['shipments']:,} shipments) against "
            f"{counts['order_lines']:,} order lines ({counts['order_rows']:,} rows)"
        )
        for at in range(options.rounds):
            for contender in (OURS, SCRIPT):
                task = {"contender": contender, "sample": options.sample, "directory": place}
                runs.append({"contender": contender, "round": at, **in_new_process(task)})
            same = compare(Path(place))
    last = runs[-1]
    told = {name: counts[name] for name in ("order_lines", "shipments")}
    if told != {"order_lines": last["lines"], "shipments": last["shipments"]}:
        raise SystemExit(f"we read {told}, the script {last}")
    print(
        f"the same matches for {last['sample']} shipments: {same}; the script's seconds are for all: "
        f"{last['reading_seconds']:.1f} to read the rows, and {last['matching_seconds']:.1f} for "
        f"these times {last['shipments'] / last['sample']:.0f}"
    )
    found = medians(runs, counts["scans"])
    report(found, f"audit, median of {options.rounds} rounds; the goal is {_TARGET} times")
    if options.json:
        result = {"machine": about, "counts": counts, "same": same, "medians": found, "runs": runs}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
