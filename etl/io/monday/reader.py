"""Readers of a monday board: its items and its groups.

A board is named as in config.yaml (``apis.monday.boards``), or by its number. Where no token is set and the
configuration allows it, the generated sample board answers instead, through the same client.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from etl.config import BoardSettings
from etl.errors import ConfigError, SourceError
from etl.io.source import Read

if TYPE_CHECKING:
    import dataframely as dy
    from httpx import BaseTransport

    from etl.config import Config, MondaySettings
    from etl.io.monday.boards import Board
    from etl.io.monday.client import MondayClient
    from etl.io.source import ReadContext

__all__ = [
    "BoardCheck",
    "MondayGroups",
    "MondayItems",
    "MondaySubitems",
    "board_columns",
    "board_settings",
    "check_board",
    "connect",
    "sample_note",
    "subitem_settings",
]


@dataclass(frozen=True, kw_only=True)
class MondayItems:
    """The items of a board, a row each.

    The frame holds ``item_id`` (Int64), ``item_name``, ``group_title`` (String), ``created_at`` and
    ``updated_at`` (Datetime in UTC), then a column for each of the contract's columns that says
    which board column it comes from, named as in the contract and typed as on the board (see
    :func:`~etl.io.monday.mapping.contract_columns`). Lists are text. Nothing is cleaned but that
    empty cells are null. Without a contract it holds all columns of the board, by id.

    Parameters
    ----------
    board
        The board's name in config.yaml.
    contract
        The contract that maps the board's columns.

    Examples
    --------
    >>> MondayItems(board="planning").describe()
    'items of the monday board "planning"'
    """

    board: str
    contract: type[dy.Schema] | None = None

    def read(self, context: ReadContext) -> Read:
        """Read all items, or ``context.limit`` of them.

        Raises
        ------
        SourceError
            The board could not be read completely, lacks a mapped column, or has no items
            (unless ``context.allow_empty``).
        ConfigError
            The board or the token is not configured.
        """
        settings, board = board_settings(context.config, self.board)
        return _read(context, settings, board, self.contract, name=self.board)

    def describe(self) -> str:
        """Name the source in a few words."""
        return f'items of the monday board "{self.board}"'


@dataclass(frozen=True, kw_only=True)
class MondaySubitems:
    """The subitems of a board, a row each.

    The frame holds ``parent_item_id`` (Int64: the item that it belongs to), and then the columns of
    :class:`MondayItems`, of the board that holds the subitems
    (``apis.monday.boards.<name>.subitems`` in config.yaml).

    Parameters
    ----------
    board
        The board's name in config.yaml.
    contract
        The contract that maps the columns of the board of subitems.

    Examples
    --------
    >>> MondaySubitems(board="schedule").describe()
    'subitems of the monday board "schedule"'
    """

    board: str
    contract: type[dy.Schema] | None = None

    def read(self, context: ReadContext) -> Read:
        """Read all subitems, or ``context.limit`` of them.

        Raises
        ------
        SourceError
            The board could not be read completely, lacks a mapped column, or has no subitems
            (unless ``context.allow_empty``).
        ConfigError
            The board, the one of its subitems or the token is not configured.
        """
        settings, board = board_settings(context.config, self.board)
        below = subitem_settings(board, self.board)
        return _read(context, settings, below, self.contract, name=self.board, parents=True)

    def describe(self) -> str:
        """Name the source in a few words."""
        return f'subitems of the monday board "{self.board}"'


@dataclass(frozen=True, kw_only=True)
class MondayGroups:
    """The groups of a board, a row each, those deleted left out.

    The frame holds ``board_id`` (Int64), ``group_id``, ``title``, ``position`` (a number, as the
    text that monday gives), ``color`` (String) and ``archived`` (Boolean).

    Parameters
    ----------
    board
        The board's name in config.yaml.

    Examples
    --------
    >>> MondayGroups(board="planning").describe()
    'groups of the monday board "planning"'
    """

    board: str

    def read(self, context: ReadContext) -> Read:
        """Read all groups, or ``context.limit`` of them.

        Raises
        ------
        SourceError
            The board could not be read, or has no groups (unless ``context.allow_empty``).
        ConfigError
            The board or the token is not configured.
        """
        from etl.io.monday.boards import read_groups

        settings, board = board_settings(context.config, self.board)
        with connect(settings, self.board) as client:
            frame = read_groups(client, board.id)
        if frame.is_empty() and not context.allow_empty:
            raise SourceError(
                f"the monday board {self.board!r} ({board.id}) has no groups; if that is meant, "
                "run with --allow-empty"
            )
        if context.limit is not None:
            frame = frame.head(context.limit)
        context.progress(f"groups of board {board.id}", frame.height, frame.height)
        return Read(frame=frame, notes=sample_note(settings, self.board))

    def describe(self) -> str:
        """Name the source in a few words."""
        return f'groups of the monday board "{self.board}"'


@dataclass(frozen=True, kw_only=True)
class BoardCheck:
    """How a live board and a contract fit: ``problems`` would stop a run, ``notes`` would not."""

    board: Board
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def board_columns(config: Config, board: str) -> Board:
    """Read what a board is, without its items: name, item count and columns.

    Parameters
    ----------
    config
        The configuration.
    board
        The board's name in it.

    Raises
    ------
    SourceError
        monday refused, or has no such board.
    ConfigError
        The board or the token is not configured.
    """
    from etl.io.monday.boards import read_board

    settings, entry = board_settings(config, board)
    with connect(settings, board) as client:
        return read_board(client, entry.id)


def check_board(config: Config, board: str, contract: type[dy.Schema]) -> BoardCheck:
    """Compare a live board's columns with a contract, without reading items.

    Parameters
    ----------
    config
        The configuration.
    board
        The board's name in it.
    contract
        The contract whose columns name board columns.

    Raises
    ------
    SourceError
        monday refused, or has no such board. A column that is missing is a problem of the result,
        not an exception.
    ConfigError
        The board or the token is not configured.
    """
    from etl.io.monday.mapping import contract_columns

    live = board_columns(config, board)
    try:
        _, notes = contract_columns(contract, live, board_settings(config, board)[1].columns)
    except (SourceError, ConfigError) as error:
        return BoardCheck(board=live, problems=(str(error),), notes=())
    return BoardCheck(board=live, problems=(), notes=notes)


def connect(settings: MondaySettings, board: str) -> MondayClient:
    """Open a client as the configuration says; for a sample board, one that needs no network.

    Parameters
    ----------
    settings
        How monday.com is reached.
    board
        The name of the board that it is opened for, which decides which sample answers.

    Raises
    ------
    ConfigError
        No token is set, and the sample board is not allowed.
    """
    from etl.io.monday.client import MondayClient

    if settings.sample:
        return MondayClient(
            settings.url,
            None,
            api_version=settings.api_version,
            transport=_sample(settings, board),
        )
    if settings.token is None or not settings.token.get_secret_value().strip():
        raise ConfigError(
            "no token for monday.com: set MONDAY_API_TOKEN, or read the sample board with "
            "`sample: true` under apis.monday in config.yaml"
        )
    return MondayClient(
        settings.url, settings.token, api_version=settings.api_version, timeout=settings.timeout
    )


def _read(
    context: ReadContext,
    settings: MondaySettings,
    board: BoardSettings,
    contract: type[dy.Schema] | None,
    *,
    name: str,
    parents: bool = False,
) -> Read:
    """Read a board's items, or those of the board of its subitems."""
    from etl.io.monday.boards import read_board
    from etl.io.monday.mapping import all_columns, contract_columns
    from etl.io.monday.pages import FORMULA_VALUES, read_items

    with connect(settings, name) as client:
        live = read_board(client, board.id)
        wanted, notes = (
            all_columns(live)
            if contract is None
            else contract_columns(contract, live, board.columns)
        )
        found = read_items(
            client,
            board.id,
            wanted,
            limit=context.limit,
            progress=context.progress,
            # The quota is monday's own: the sample board has none.
            formula_values=None if settings.sample else FORMULA_VALUES,
            parents=parents,
        )
    if found.frame.is_empty() and not context.allow_empty and context.limit != 0:
        raise SourceError(
            f"the monday board {name!r} ({live.name!r}, {board.id}) has no items; if it is meant "
            "to be empty, run with --allow-empty"
        )
    return Read(frame=found.frame, notes=(*sample_note(settings, name), *notes, *found.notes))


def subitem_settings(board: BoardSettings, name: str) -> BoardSettings:
    """Find the board that holds a board's subitems.

    Raises
    ------
    ConfigError
        It is not configured.
    """
    if board.subitems is None:
        raise ConfigError(
            f"apis.monday.boards.{name}.subitems is missing in config.yaml: the id of the board "
            "that holds the subitems, and its key column where they are written"
        )
    return board.subitems


def board_settings(config: Config, board: str) -> tuple[MondaySettings, BoardSettings]:
    settings = config.monday()
    entry = settings.boards.get(board)
    if entry is None and board.isascii() and board.isdigit():
        return settings, BoardSettings(id=board)
    if entry is None:
        close = get_close_matches(board, settings.boards, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ConfigError(
            f"config.yaml has no board {board!r} under apis.monday.boards{hint}; "
            f"it has: {', '.join(settings.boards) or 'none'}"
        )
    return settings, entry


def sample_note(settings: MondaySettings, board: str) -> tuple[str, ...]:
    """Say that a sample board stands in for a board, if one does."""
    if not settings.sample:
        return ()
    if settings.boards[board].sample:
        return (f"no token is set: this is the sample board in {settings.sample_file}",)
    return (f"no token is set: this is the generated sample board of {settings.sample_rows} items",)


def _sample(settings: MondaySettings, board: str) -> BaseTransport:
    """Make the transport that answers for a board: the generated one, or one that is kept."""
    if settings.boards[board].sample and settings.sample_file is not None:
        from etl.io.monday.sample_board import StoreTransport

        return StoreTransport.open(settings.sample_file, board, settings.boards[board])
    from etl.io.monday.sample import SampleTransport

    return SampleTransport(rows=settings.sample_rows)
