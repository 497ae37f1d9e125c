"""How fast ``board-planning``'s transform is, against the same rules cell by cell.

``python -m benchmarks.transforms`` reads the sample board as the job does, a million cells of it, and
cleans them with ``planning_rows`` and with a function that is called for each cell: by pandas'
``apply`` item by item, as scripts have it, and column by column; and by polars' ``map_elements``. All
must give the same rows. They take turns in one
process, once unmeasured and then with the clock on; told are medians.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import polars as pl
from polars.testing import assert_frame_equal

from benchmarks.pipeline import machine
from etl.config import load_config
from etl.contracts.board_planning import BoardPlanning
from etl.io.monday.reader import MondayItems
from etl.io.source import ReadContext
from etl.transforms.board_planning import planning_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS: Final = "etl"
_CELLS: Final = 1_000_000
_CONFIG: Final = """
databases:
  orders: {{url: "sqlite:///orders.db"}}
apis:
  monday: {{sample: true, sample_rows: {items}, boards: {{planning: {{id: "1"}}}}}}
"""
_AS_IT_IS: Final = ("style_key", "group_title")
_NULL_WORDS: Final = frozenset({"", "NONE", "NAN", "NULL", "NAT"})
_FIRST, _LAST = dt.date(1753, 1, 1), dt.date(9999, 12, 31)
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?|[+-]?\.[0-9]+", re.ASCII
)


def board(cells: int) -> pl.DataFrame:
    """As many of the sample board's items as have that many cells, as its reader gives them."""
    items = -(-cells // len(BoardPlanning.column_names()))
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "config.yaml"
        file.write_text(_CONFIG.format(items=items), encoding="utf-8")
        context = ReadContext(config=load_config(file))
        return MondayItems(board="planning", contract=BoardPlanning).read(context).frame


def clean_text(cell: str | None) -> str | None:
    """A cell of text: words for null are null."""
    return None if cell is None or cell.strip().upper() in _NULL_WORDS else cell


def clean_number(cell: Any) -> Any:
    """A number, or what somebody wrote for one."""
    if isinstance(cell, str):
        text = clean_text(cell)
        if text is not None and _NUMBER.fullmatch(text.strip()):
            return text.strip().replace(",", "")
        return text
    return None if isinstance(cell, float) and cell != cell else cell  # noqa: PLR0124 - NaN


def clean_date(cell: dt.date | None) -> dt.date | None:
    """A date, or a time's UTC date, that SQL Server can hold."""
    if isinstance(cell, dt.datetime):
        cell = cell.astimezone(dt.UTC).date()
    return cell if cell is not None and _FIRST <= cell <= _LAST else None


def clean_time(cell: dt.datetime | None) -> dt.datetime | None:
    """A time that SQL Server can hold."""
    return cell if cell is not None and _FIRST <= cell.date() <= _LAST else None


def clean_box(cell: bool | None) -> bool:
    """A box without an answer is not checked."""
    return bool(cell)


def cleaners() -> dict[str, Callable[[Any], Any]]:
    """The function for each column's cells, by the contract's type."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name, dtype in pl.Schema(BoardPlanning).items():
        if name in _AS_IT_IS or dtype == pl.Time:
            continue
        if dtype == pl.Boolean:
            found[name] = clean_box
        elif dtype == pl.Date:
            found[name] = clean_date
        elif dtype == pl.Datetime:
            found[name] = clean_time
        else:
            found[name] = clean_number if dtype.is_numeric() else clean_text
    return found


def item_by_item(items: pd.DataFrame) -> pd.DataFrame:
    """The same rows, by ``apply`` of a function to each item, which cleans it cell by cell."""
    clean = cleaners()

    def cleaned(item: pd.Series[Any]) -> pd.Series[Any]:
        cells = {name: clean[name](item[name]) if name in clean else item[name] for name in names}
        return pd.Series(cells, dtype=object)

    rows = items.rename(columns={"item_name": "style_key"})[BoardPlanning.column_names()]
    names = list(rows.columns)
    return rows.apply(cleaned, axis=1)


def with_pandas(items: pd.DataFrame) -> pd.DataFrame:
    """The same rows, by ``apply`` to each column."""
    rows = items.rename(columns={"item_name": "style_key"})[BoardPlanning.column_names()]
    for name, clean in cleaners().items():
        rows[name] = rows[name].apply(clean)
    return rows


def with_polars(items: pl.DataFrame, types: pl.Schema) -> pl.DataFrame:
    """The same rows, by ``map_elements``."""
    rows = items.rename({"item_name": "style_key"}).select(BoardPlanning.column_names())
    return rows.with_columns(
        rows[name].map_elements(clean, return_dtype=types[name], skip_nulls=False)
        for name, clean in cleaners().items()
    )


def _as_polars(rows: pd.DataFrame, types: pl.Schema) -> pl.DataFrame:
    """What pandas holds, with the types that it does not keep."""
    columns = []
    for name, dtype in types.items():
        cells = [None if pd.isna(cell) else cell for cell in rows[name].to_list()]
        if dtype.is_integer():
            cells = [None if cell is None else int(cell) for cell in cells]
        columns.append(pl.Series(name, cells, dtype=dtype))
    return pl.DataFrame(columns)


def compete(items: pl.DataFrame, rounds: int) -> list[dict[str, Any]]:
    """Let all clean the items in turns; AssertionError where the rows differ."""
    expected = planning_rows(items)
    objects = pd.DataFrame(
        {column.name: pd.Series(column.to_list(), dtype=object) for column in items}
    )
    assert_frame_equal(_as_polars(with_pandas(objects), expected.schema), expected)
    assert_frame_equal(_as_polars(item_by_item(objects), expected.schema), expected)
    assert_frame_equal(with_polars(items, expected.schema), expected)
    contenders: dict[str, Callable[[], Any]] = {
        OURS: lambda: planning_rows(items),
        "polars map_elements": lambda: with_polars(items, expected.schema),
        "pandas apply, by column": lambda: with_pandas(objects),
        "pandas apply, by item": lambda: item_by_item(objects),
    }
    runs = []
    for at in range(rounds):
        for name, clean in contenders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            clean()
            seconds, used = time.perf_counter() - wall, time.process_time() - cpu
            runs.append({"contender": name, "round": at, "seconds": seconds, "cpu_seconds": used})
    return runs


def medians(runs: Sequence[dict[str, Any]], cells: int) -> list[dict[str, Any]]:
    """Medians by contender, and how many times as fast we are.

    >>> runs = [{"contender": "etl", "seconds": 0.5, "cpu_seconds": 1.0}]
    >>> runs.append({"contender": "b", "seconds": 20.0, "cpu_seconds": 20.0})
    >>> [(found["ours_is"], found["ours_is_by_cpu"]) for found in medians(runs, 10)]
    [(1.0, 1.0), (40.0, 20.0)]
    """
    found: list[dict[str, Any]] = []
    for name in dict.fromkeys(run["contender"] for run in runs):
        of = [run for run in runs if run["contender"] == name]
        seconds, used = (statistics.median(r[k] for r in of) for k in ("seconds", "cpu_seconds"))
        first = found[0] if found else {"seconds": seconds, "cpu_seconds": used}
        found.append({
            "contender": name, "seconds": seconds, "cpu_seconds": used,
            "cells_per_second": cells / seconds, "ours_is": seconds / first["seconds"],
            "ours_is_by_cpu": used / first["cpu_seconds"],
        })  # fmt: skip
    return found


def report(found: Sequence[dict[str, Any]], title: str) -> None:
    """Print the medians as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("contender", title=title, title_justify="left")
    for header in ("seconds", "cpu s", "cells/s", "etl is ... times as fast", "by cpu"):
        table.add_column(header, justify="right")
    for line in found:
        table.add_row(
            line["contender"],
            f"{line['seconds']:.3f}",
            f"{line['cpu_seconds']:.3f}",
            f"{line['cells_per_second']:,.0f}",
            f"{line['ours_is']:.1f}",
            f"{line['ours_is_by_cpu']:.1f}",
        )
    Console(width=120).print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transforms", description=__doc__)
    parser.add_argument("--cells", type=int, default=_CELLS)
    parser.add_argument("--rounds", type=int, default=5, help="of which the medians are told")
    parser.add_argument("--json", type=Path, help="write every run's figures into this file")
    options = parser.parse_args(arguments)
    about = machine()
    items = board(options.cells)
    cells = items.height * len(BoardPlanning.column_names())
    runs = compete(items, options.rounds)
    found = medians(runs, cells)
    title = f"board-planning's transform: {items.height:,} items, {cells:,} cells"
    print(f"{about['cpu']}, {about['cores']} cores, load average {about['load_average']}")
    report(found, f"{title}, the same rows from all; median of {options.rounds} rounds")
    if options.json:
        result = {"machine": about, "items": items.height, "cells": cells, "medians": found, "runs": runs}  # fmt: skip
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
