"""From the groups of boards, and the table as it is, to the table as it should be."""

from __future__ import annotations

import datetime as dt
from typing import Final

import narwhals as nw

from etl.contracts.board_groups import BoardGroups
from etl.contracts.describe import describe
from etl.errors import ContractError
from etl.transforms.portable import FrameT, Lazy, equal, on_any_engine, require, typed

__all__ = ["group_rows"]

_COLUMNS: Final = tuple(column.name for column in describe(BoardGroups))
_KEY: Final = ("board_id", "group_id")
_FROM_BOARD: Final = (*_KEY, "title", "position", "color", "archived")
# What a group is; a row whose group is as it was stays as it was, to the byte.
_COMPARED: Final = ("title", "position", "color", "active")
_TOLD: Final = (*_COMPARED, "first_seen_at", "inactive_since", "updated_at")


def group_rows(groups: FrameT, current: object, *, now: dt.datetime) -> FrameT:
    """Bring the table of board groups up to date.

    A group that is no longer on its board, or is archived there, stays in the table as inactive
    since ``now``; one that is back is active again. Rows of boards that ``groups`` says nothing
    about, and rows of groups that did not change, are exactly as they were.

    Parameters
    ----------
    groups
        The groups of one or more boards, each board's complete: ``board_id``, ``group_id``,
        ``title``, ``position`` (a number, or its text, which is what monday gives), ``color``,
        ``archived``. A pandas or polars frame, a LazyFrame, a pyarrow Table or a DuckDB relation.
    current
        The table's rows, with the columns of
        :class:`~etl.contracts.board_groups.BoardGroups`; of the same engine as ``groups``.
    now
        The time of the read, aware.

    Returns
    -------
    the type of ``groups``
        The whole new table, ordered by board and group: every row of both inputs, once a key.

    Raises
    ------
    ContractError
        A column is missing, ``position`` has a type that is no number, or ``now`` has no time
        zone. A ``position`` whose text is no number is an error of the engine's own.

    Examples
    --------
    >>> import polars as pl
    >>> group = {"board_id": [1], "group_id": ["topics"], "title": ["Spring"], "position": [1.0]}
    >>> groups = pl.DataFrame({**group, "color": ["#037f4c"], "archived": [False]})
    >>> first = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    >>> table = group_rows(groups, BoardGroups.create_empty(), now=first)
    >>> table.select("group_id", "active", "inactive_since").rows()
    [('topics', True, None)]
    >>> renamed = groups.with_columns(group_id=pl.lit("summer"))
    >>> table = group_rows(renamed, table, now=dt.datetime(2026, 2, 1, tzinfo=dt.UTC))
    >>> table.select("group_id", "active", pl.col("inactive_since").dt.date()).rows()
    [('summer', True, None), ('topics', False, datetime.date(2026, 2, 1))]
    """
    if now.tzinfo is None:
        raise ContractError("group_rows: now has no time zone; pass dt.datetime.now(dt.UTC)")
    return on_any_engine(_group_rows, groups, current, now=now.astimezone(dt.UTC))


def _group_rows(groups: Lazy, current: Lazy, *, now: dt.datetime) -> Lazy:
    require(groups, _FROM_BOARD, "group_rows, groups")
    require(current, _COLUMNS, "group_rows, current")
    groups = typed(groups.select(*_FROM_BOARD), BoardGroups)
    current = typed(current.select(*_COLUMNS), BoardGroups)
    position = groups.collect_schema()["position"]
    if not (position.is_numeric() or position == nw.String):
        raise ContractError(f"group_rows: position must be a number, the groups have {position}")
    of_these_boards = current.join(groups.select("board_id").unique(), on="board_id", how="semi")
    of_others = current.join(groups.select("board_id").unique(), on="board_id", how="anti")
    gone = of_these_boards.join(groups, on=list(_KEY), how="anti")
    return nw.concat([_present(groups, current, now), _gone(gone, now), of_others]).sort(
        *_KEY, nulls_last=True
    )


def _present(groups: Lazy, current: Lazy, now: dt.datetime) -> Lazy:
    """Rows for the groups that the boards have."""
    # An archived flag that is not there says that nobody archived the group.
    seen = groups.with_columns(
        nw.col("position").cast(nw.Float64),
        active=~nw.col("archived").cast(nw.Boolean).fill_null(value=False),
    )
    before = current.select(*_KEY, *(nw.col(name).alias(_was(name)) for name in _TOLD))
    rows = seen.join(before, on=list(_KEY), how="left")
    same = nw.all_horizontal(
        *(equal(nw.col(name), nw.col(_was(name))) for name in _COMPARED), ignore_nulls=False
    )
    known = ~nw.col(_was("first_seen_at")).is_null()
    since = nw.coalesce(nw.col(_was("inactive_since")), nw.lit(now))
    return rows.with_columns(
        first_seen_at=nw.coalesce(nw.col(_was("first_seen_at")), nw.lit(now)),
        inactive_since=nw.when(~nw.col("active")).then(since),
        updated_at=nw.when(same & known).then(nw.col(_was("updated_at"))).otherwise(nw.lit(now)),
    ).select(*_COLUMNS)


def _gone(rows: Lazy, now: dt.datetime) -> Lazy:
    """Rows of groups that their board no longer has."""
    return rows.with_columns(
        active=nw.lit(value=False),
        inactive_since=nw.coalesce(nw.col("inactive_since"), nw.lit(now)),
        updated_at=nw.when(nw.col("active")).then(nw.lit(now)).otherwise(nw.col("updated_at")),
    ).select(*_COLUMNS)


def _was(name: str) -> str:
    return f"was_{name}"
