"""The rows that are loaded: TPC-H's lineitem, and a wide frame of text with emoji and nulls."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import polars as pl

__all__ = ["FRAMES", "lineitem", "make", "text"]

FRAMES: Final = ("lineitem", "text")
_LINES_AT_SCALE_1: Final = 6_001_215
_TEXT_COLUMNS: Final = 20
_LINEITEM: Final = pl.Schema(
    {
        "l_orderkey": pl.Int64(),
        "l_partkey": pl.Int64(),
        "l_suppkey": pl.Int64(),
        "l_linenumber": pl.Int32(),
        "l_quantity": pl.Decimal(15, 2),
        "l_extendedprice": pl.Decimal(15, 2),
        "l_discount": pl.Decimal(15, 2),
        "l_tax": pl.Decimal(15, 2),
        "l_returnflag": pl.String(),
        "l_linestatus": pl.String(),
        "l_shipdate": pl.Date(),
        "l_commitdate": pl.Date(),
        "l_receiptdate": pl.Date(),
        "l_shipinstruct": pl.String(),
        "l_shipmode": pl.String(),
        "l_comment": pl.String(),
    }
)


def make(name: str, rows: int, directory: Path) -> tuple[Path, str]:
    """Write a frame into a Parquet file; gives the file and where its rows are from."""
    path = directory / f"{name}-{rows}.parquet"
    if name == "text":
        text(rows).write_parquet(path)
        return path, "generated"
    tool = shutil.which("tpchgen-cli", path=str(Path(sys.executable).parent)) or shutil.which(
        "tpchgen-cli"
    )
    if tool is None:
        lineitem(rows).write_parquet(path)
        return path, "generated in lineitem's shape (tpchgen-cli is not installed)"
    scale = rows / _LINES_AT_SCALE_1 * 1.02 + 0.001
    command = [tool, "parquet", "-s", f"{scale:.4f}", "--tables=lineitem"]
    subprocess.run([*command, f"--output-dir={directory}", "--overwrite"], check=True, stdout=-3)
    made = directory / "lineitem.parquet"
    pl.scan_parquet(made).head(rows).cast(_LINEITEM).sink_parquet(path)
    made.unlink()
    return path, "tpchgen-cli"


def lineitem(rows: int, *, offset: int = 0) -> pl.DataFrame:
    """Rows of lineitem's columns, types and widths, where TPC-H's own generator is missing.

    >>> lineitem(3).schema["l_tax"], lineitem(3).height
    (Decimal(precision=15, scale=2), 3)
    """
    n = pl.int_range(offset, offset + rows, dtype=pl.Int64, eager=True).alias("n")
    at = pl.col("n")
    first = pl.lit(dt.date(1992, 1, 2))

    def cents(low: int, high: int, step: int) -> pl.Expr:
        return (low + at * step % (high - low)).cast(pl.Decimal(15, 2)) / 100

    def one_of(*values: str) -> pl.Expr:
        kinds = pl.DataFrame({"v": values})["v"]
        return pl.lit(kinds).gather((at * 7 + at // 3) % len(values))

    days = at * 37 % 2500
    columns = {
        "l_orderkey": at // 4 + 1,
        "l_partkey": at * 7919 % 200_000 + 1,
        "l_suppkey": at * 104_729 % 10_000 + 1,
        "l_linenumber": at % 4 + 1,
        "l_quantity": cents(100, 5000, 100),
        "l_extendedprice": cents(90_000, 10_000_000, 9973),
        "l_discount": cents(0, 11, 1),
        "l_tax": cents(0, 9, 1),
        "l_returnflag": one_of("A", "N", "R"),
        "l_linestatus": one_of("F", "O"),
        "l_shipdate": first + pl.duration(days=days),
        "l_commitdate": first + pl.duration(days=days + at % 60),
        "l_receiptdate": first + pl.duration(days=days + at % 30),
        "l_shipinstruct": one_of("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"),
        "l_shipmode": one_of("TRUCK", "MAIL", "REG AIR", "AIR", "FOB", "RAIL", "SHIP"),
        "l_comment": pl.format("carefully regular deposits {} haggle", at * 31 % 1_000_003),
    }
    return n.to_frame().select(**columns).cast(_LINEITEM)


def text(rows: int) -> pl.DataFrame:
    """A wide frame of text: emoji, accents, empty strings, and a null in every seventh place.

    >>> text(10).shape, text(10)["text_01"].null_count()
    ((10, 21), 2)
    """
    n = pl.int_range(rows, dtype=pl.Int64, eager=True).alias("id")
    at = pl.col("id")
    columns = []
    for number in range(_TEXT_COLUMNS):
        long = pl.format("{} 🎉 Größe {} naïve – 日本語 {}", at * (number + 3) % 9973, at, number)
        value = pl.when(at % 11 == number % 11).then(pl.lit("")).otherwise(long)
        columns.append(pl.when((at + number) % 7 != 2).then(value).alias(f"text_{number:02}"))
    return n.to_frame().with_columns(columns)
