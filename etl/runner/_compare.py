"""What a load would change, from the rows before and after it alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from etl.markup import facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.io.keys import Mode

__all__ = ["Changes", "compare", "in_mode"]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Counts of rows by what a load would do to them."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0

    def plus(self, other: Changes) -> Changes:
        """Add the counts of another load.

        >>> Changes(inserted=1).plus(Changes(inserted=2, updated=3))
        Changes(inserted=3, updated=3, deleted=0, unchanged=0)
        """
        return Changes(
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            deleted=self.deleted + other.deleted,
            unchanged=self.unchanged + other.unchanged,
        )

    def _repr_html_(self) -> str:
        return facts(vars(self).items())


def in_mode(changes: Changes, mode: Mode) -> Changes:
    """What a load mode makes of the difference between a table and a frame.

    >>> in_mode(Changes(inserted=1, updated=2, deleted=3, unchanged=4), "upsert")
    Changes(inserted=1, updated=2, deleted=0, unchanged=4)
    """
    if mode == "append":
        return Changes(inserted=changes.inserted + changes.updated + changes.unchanged)
    if mode == "insert":
        return Changes(inserted=changes.inserted, unchanged=changes.updated + changes.unchanged)
    if mode == "upsert":
        return replace(changes, deleted=0)
    return changes


def compare(before: pl.DataFrame, after: pl.DataFrame, key: Sequence[str] = ()) -> Changes:
    """Count the rows that are new, changed, gone and equal.

    Parameters
    ----------
    before, after
        Frames with the same columns and types.
    key
        The columns that tell which row is which, unique in both. Without one, a row is known by
        all of its values, and none counts as updated.

    Returns
    -------
    Changes
        ``inserted + updated + unchanged`` are the rows of ``after``;
        ``updated + unchanged + deleted`` those of ``before``.

    Examples
    --------
    >>> before = pl.DataFrame({"id": [1, 2, 3], "n": [None, "b", "c"]})
    >>> after = pl.DataFrame({"id": [1, 2, 4], "n": [None, "B", "d"]})
    >>> compare(before, after, ["id"])
    Changes(inserted=1, updated=1, deleted=1, unchanged=1)
    >>> compare(before, after)
    Changes(inserted=2, updated=0, deleted=2, unchanged=1)
    """
    columns = after.columns
    before = before.select(columns)
    key = list(key) or columns
    # Equal rows without a key are told apart by their number: two before and three after are two
    # unchanged and one inserted. With a unique key every number is 1.
    names = [f"column_{at}" for at in range(len(columns))]
    renamed = dict(zip(columns, names, strict=True))
    on = [renamed[name] for name in key]
    left, right = (
        frame.rename(renamed).with_columns(pl.int_range(pl.len()).over(on).alias("number"))
        for frame in (before, after)
    )
    both = left.join(right, on=[*on, "number"], how="inner", nulls_equal=True, suffix="_after")
    rest = [name for name in names if name not in on]
    same = (
        both.select(
            pl.all_horizontal(
                pl.col(name).eq_missing(pl.col(f"{name}_after")) for name in rest
            ).sum()
        ).item()
        if rest
        else both.height
    )
    return Changes(
        inserted=after.height - both.height,
        updated=both.height - int(same),
        deleted=before.height - both.height,
        unchanged=int(same),
    )
