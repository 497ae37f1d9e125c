"""Rows that are more than memory holds, in files by part: each can be worked on alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["scan_parts", "write_parts"]

_GROUP_ROWS: Final = 10_000
"""Rows of a Parquet row group: what an engine that streams has in hand for each thread."""


def write_parts(rows: pl.LazyFrame, directory: Path, *, by: str, parts: int) -> list[Path]:
    """Stream rows into Parquet files, those of each part into a directory of their own.

    Parameters
    ----------
    rows
        A plan; it is computed by polars' streaming engine, and no more of it than what is on its
        way is in memory.
    directory
        Where the parts' directories are made.
    by
        The column with a row's part, a whole number from 0 on; it is not written.
    parts
        How many there are.

    Returns
    -------
    list of Path
        The directory of each part, for :func:`scan_parts`. One without rows has a file of none.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> rows = pl.LazyFrame({"po": ["A", "B"], "part": [2, 0]})
    >>> with tempfile.TemporaryDirectory() as place:
    ...     made = write_parts(rows, Path(place), by="part", parts=3)
    ...     [scan_parts(part).collect()["po"].to_list() for part in made]
    [['B'], [], ['A']]
    """
    target = pl.PartitionBy(
        directory,
        key=by,
        include_key=False,
        file_path_provider=lambda made: (
            f"{made.partition_keys.item()}/{made.index_in_partition}.parquet"
        ),
    )
    rows.sink_parquet(
        target,
        mkdir=True,
        row_group_size=_GROUP_ROWS,
        maintain_order=False,
        engine="streaming",
    )
    made = [directory / str(part) for part in range(parts)]
    nothing = pl.DataFrame(schema=rows.drop(by).collect_schema())
    for part in made:
        if not part.exists():
            part.mkdir(parents=True)
            nothing.write_parquet(part / "0.parquet")
    return made


def scan_parts(*directories: Path) -> pl.LazyFrame:
    """Scan the files of one part, or of several."""
    return pl.scan_parquet([directory / "*.parquet" for directory in directories])
