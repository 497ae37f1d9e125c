"""What a board is: its columns and its groups."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.errors import SourceError
from etl.io.monday.documents import BOARD, GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.io.monday.client import MondayClient

__all__ = [
    "Board",
    "BoardColumn",
    "count",
    "expected_shape",
    "one_board",
    "read_board",
    "read_groups",
]


@dataclass(frozen=True, kw_only=True)
class BoardColumn:
    """A column of a live board. Titles may repeat and change: the id is the key."""

    id: str
    title: str
    type: str
    archived: bool


@dataclass(frozen=True, kw_only=True)
class Board:
    """A live board; ``items_count`` is None where monday does not tell."""

    id: str
    name: str
    items_count: int | None
    columns: tuple[BoardColumn, ...]


@contextmanager
def expected_shape(what: str) -> Iterator[None]:
    """Turn what an answer of an unforeseen shape raises into a sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, pl.exceptions.PolarsError) as error:
        raise SourceError(
            f"monday.com: the answer for {what} has an unknown shape "
            f"({type(error).__name__}: {error!s:.100}); is the URL that of its API?"
        ) from None


def read_board(client: MondayClient, board_id: str) -> Board:
    """Read a board's name, item count and columns.

    Raises
    ------
    SourceError
        There is no such board, or the token may not see it.

    Examples
    --------
    >>> from etl.io.monday.client import API_URL, MondayClient
    >>> from etl.io.monday.sample import SampleTransport
    >>> with MondayClient(API_URL, None, transport=SampleTransport(rows=3)) as client:
    ...     board = read_board(client, "1")
    >>> board.items_count, board.columns[1]
    (3, BoardColumn(id='style_status', title='Status', type='status', archived=False))
    """
    data = client.execute(BOARD, {"board": [board_id]})
    with expected_shape(f"board {board_id}"):
        found = one_board(data, board_id)
        return Board(
            id=str(found["id"]),
            name=str(found["name"]),
            items_count=count(found["items_count"]),
            columns=tuple(
                BoardColumn(
                    id=str(column["id"]),
                    title=str(column["title"]),
                    type=str(column["type"]),
                    archived=bool(column["archived"]),
                )
                for column in found["columns"]
            ),
        )


def read_groups(client: MondayClient, board_id: str) -> pl.DataFrame:
    """Read a board's groups, those deleted left out.

    Returns
    -------
    polars.DataFrame
        ``board_id`` Int64, ``group_id``, ``title``, ``position`` (text, as monday gives it),
        ``color`` and ``archived`` (Boolean).

    Raises
    ------
    SourceError
        There is no such board, or the token may not see it.
    """
    data = client.execute(GROUPS, {"board": [board_id]})
    with expected_shape(f"the groups of board {board_id}"):
        board = one_board(data, board_id)
        rows = [
            (
                int(board["id"]),
                group["id"],
                group["title"],
                group["position"],
                group["color"],
                bool(group["archived"]),
            )
            for group in board["groups"]
            if not group["deleted"]
        ]
        return pl.DataFrame(
            rows,
            schema={
                "board_id": pl.Int64,
                "group_id": pl.String,
                "title": pl.String,
                "position": pl.String,
                "color": pl.String,
                "archived": pl.Boolean,
            },
            orient="row",
            strict=True,
        )


def one_board(data: Mapping[str, Any], board_id: str) -> Mapping[str, Any]:
    """Take the one board that was asked for out of an answer.

    Raises
    ------
    SourceError
        It is not there.
    """
    boards = [board for board in data["boards"] or () if board is not None]
    if not boards:
        raise SourceError(
            f"monday.com has no board {board_id}, or the token's user may not see it: "
            "check the board's id in config.yaml (apis.monday.boards) and who the token belongs to"
        )
    found: Mapping[str, Any] = boards[0]
    return found


def count(value: object) -> int | None:
    """Check a count that monday may leave out.

    >>> count(None), count(3)
    (None, 3)
    """
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise TypeError(f"{value!r:.40} is no count")
