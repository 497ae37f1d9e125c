"""What a table may hold: every load of a run is numbered, and fixes the table to the value.

Even loads replace the table by :func:`base`; odd ones add, insert, upsert or sync :func:`part`, so
that the table after load ``n`` follows from ``n`` alone. Every load leaves its number in the
column ``seq``, by which a reader tells which load it sees, and then compares every value.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.io.keys import Mode

__all__ = ["KEYED", "MODES", "TornError", "base", "batches", "identify", "mode_of", "state"]

MODES: Final[tuple[Mode, ...]] = ("append", "insert", "upsert", "replace", "sync")
KEYED: Final = frozenset({"insert", "upsert", "sync"})
BATCHES: Final = 4
_HALF: Final = 1000
_SEEN: Final = 256


class TornError(AssertionError):
    """The table holds what no load has ever written."""


def mode_of(mode: Mode, n: int) -> Mode:
    """The mode of load ``n`` of a run that tests ``mode``."""
    return mode if n % 2 else "replace"


def base(n: int) -> pl.DataFrame:
    """The frame of a load that replaces."""
    return _rows(n, pl.int_range(2 * _HALF + 37 * (n % 5), eager=True))


def part(mode: Mode, n: int) -> pl.DataFrame:
    """The frame of an odd load: half of its keys are in the table, half are new."""
    if mode == "replace":
        return base(n)
    frame = _rows(n, pl.int_range(_HALF, 3 * _HALF + 41 * (n % 7), eager=True))
    if mode != "sync":
        return frame
    # A sync leaves alone what is already right.
    same = base(n - 1).filter(pl.col("id") >= _HALF, pl.col("id") % 3 == 0)
    return pl.concat([frame.join(same, on="id", how="anti"), same])


@lru_cache(maxsize=_SEEN)
def state(mode: Mode, n: int) -> pl.DataFrame:
    """The whole table after load ``n``, in the order of :func:`identify`."""
    if n % 2 == 0 or mode == "replace":
        return base(n).sort("id", "seq")
    old, new = base(n - 1), part(mode, n)
    if mode == "insert":
        new = new.join(old, on="id", how="anti")
    elif mode == "upsert":
        old = old.join(new, on="id", how="anti")
    elif mode == "sync":
        old = old.clear()
    return pl.concat([old, new]).sort("id", "seq")


def batches(mode: Mode, n: int) -> Iterator[pl.DataFrame]:
    """The frame of load ``n``, as a stream."""
    frame = part(mode, n) if n % 2 else base(n)
    size = -(-frame.height // BATCHES)
    return frame.iter_slices(size)


def identify(mode: Mode, seen: pl.DataFrame) -> int:
    """The load that a table's rows are of.

    Raises
    ------
    TornError
        They are of none.

    Examples
    --------
    >>> identify("upsert", state("upsert", 7).reverse())
    7
    >>> identify("upsert", base(6).head(1500))
    Traceback (most recent call last):
    tests.chaos.states.TornError: upsert: 1500 rows, where load 6 leaves 2037; by load: {6: 1500}
    """
    found = int(seen["seq"].max() or 0) if seen.height else -1
    if found < 0:
        raise TornError(f"{mode}: the table is empty, which no load leaves it")
    expected = state(mode, found)
    by_load = dict(seen["seq"].value_counts(sort=True).iter_rows())
    if seen.height != expected.height:
        raise TornError(
            f"{mode}: {seen.height} rows, where load {found} leaves {expected.height}; "
            f"by load: {by_load}"
        )
    if not seen.sort("id", "seq").equals(expected):
        raise TornError(f"{mode}: values that load {found} does not leave; by load: {by_load}")
    return found


def _rows(n: int, ids: pl.Series) -> pl.DataFrame:
    key = pl.col("id")
    number = key * 7919 + n * 104_729
    return ids.alias("id").to_frame().select(
        "id",
        pl.lit(n, pl.Int64).alias("seq"),
        (number % 10_000_000).cast(pl.Decimal(12, 0)).truediv(100).cast(pl.Decimal(12, 2)).alias("amount"),
        pl.when(key % 5 != 0).then(pl.format("{} 🎉 é {}", n % 1000 + 1000, key + 100_000)).alias("note"),
        (pl.lit(dt.date(2000, 1, 1)) + pl.duration(days=(key + n) % 9000)).alias("day"),
        (pl.lit(dt.datetime(2020, 2, 29)) + pl.duration(microseconds=number)).alias("at"),  # noqa: DTZ001
        (number % 3 == 0).alias("flag"),
    )  # fmt: skip
