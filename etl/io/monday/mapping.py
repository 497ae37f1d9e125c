"""Which board columns a frame is made of: by a contract, or all that the board has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from etl.contracts.describe import describe
from etl.errors import ConfigError, SourceError
from etl.io.monday.cells import ITEM_COLUMNS, WantedColumn
from etl.io.monday.column_types import column_type
from etl.io.monday.pages import FORMULA_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dataframely as dy

    from etl.contracts.describe import ContractColumn
    from etl.io.monday.boards import Board

__all__ = ["all_columns", "contract_columns"]


def contract_columns(
    contract: type[dy.Schema], board: Board, columns: Mapping[str, str] | None = None
) -> tuple[tuple[WantedColumn, ...], tuple[str, ...]]:
    """Find the board columns that a contract's columns come from.

    A contract column says so in its metadata: ``board_column`` is the board column's id, ``part``
    the value of a cell that has several (``from`` and ``to``; ``lat``, ``lng``, ``address``), any
    of which may also be ``text``; ``changed_at`` takes the time of the cell's last change; and
    ``list: "json"`` gives a list as JSON instead of text joined by ", ".

    A number comes as its text where the contract has it as a Decimal or as text, because a float
    would not be the same number; and as a float otherwise.

    Parameters
    ----------
    contract
        The contract.
    board
        The live board.
    columns
        For a board with other ids: its column id -> the contract's column id, or the name of the
        contract's column.

    Returns
    -------
    wanted, notes
        A column each, named as in the contract; and a note that lists the board's other columns.

    Raises
    ------
    SourceError
        Columns are missing or archived on the board, or of a type without such a part: all of
        them are named, with what the board has.
    ConfigError
        ``columns`` names a column that the contract does not have, or one twice.
    """
    live = {column.id: column for column in board.columns if not column.archived}
    wanted: list[WantedColumn] = []
    problems: list[str] = []
    for column, column_id in _sources(contract, columns or {}):
        found = live.get(column_id)
        if found is None:
            archived = any(other.id == column_id for other in board.columns)
            problems.append(
                f"{column.name}: board column {column_id!r} is "
                f"{'archived' if archived else 'not there'}"
            )
        elif found.type == "name":
            problems.append(
                f"{column.name}: board column {column_id!r} is the item's name, which is read "
                "as item_name anyway"
            )
        else:
            part, problem = _part(column, found.type)
            if problem:
                problems.append(f"{column.name}: board column {column_id!r} {problem}")
            else:
                wanted.append(
                    WantedColumn(
                        name=column.name,
                        column_id=column_id,
                        type=found.type,
                        part=part,
                        lists="json" if column.metadata.get("list") == "json" else "text",
                    )
                )
    if problems:
        has = ", ".join(f"{column.id} ({column.title}, {column.type})" for column in live.values())
        raise SourceError(
            f"board {board.name!r} ({board.id}) does not fit {contract.__name__}: "
            f"{'; '.join(problems)}. The board has: {has}. Map its ids to the contract's in "
            "config.yaml (apis.monday.boards.<name>.columns), or restore the columns"
        )
    used = {column.column_id for column in wanted}
    other = [
        f"{column.id} ({column.title})"
        for column in live.values()
        if column.id not in used and column.type != "name"
    ]
    notes = (f"board columns that are not mapped: {', '.join(other)}",) if other else ()
    return tuple(wanted), notes


def all_columns(board: Board) -> tuple[tuple[WantedColumn, ...], tuple[str, ...]]:
    """Take every column of a board, by id; lists stay lists.

    A timeline or week gives ``<id>_from`` and ``<id>_to``, a location ``<id>`` (the address),
    ``<id>_lat`` and ``<id>_lng``. A name that is taken already gets an underscore more. Archived
    columns are left out, and so is the item's name, which is there as ``item_name``. Of more than
    five formula columns (the most that one request may hold) the first five are read.

    Returns
    -------
    wanted, notes
        The columns, and a note if formula columns had to be left out.

    Examples
    --------
    >>> from etl.io.monday.boards import Board, BoardColumn
    >>> run = BoardColumn(id="run", title="Production", type="timeline", archived=False)
    >>> wanted, _ = all_columns(Board(id="1", name="Plan", items_count=0, columns=(run,)))
    >>> [column.name for column in wanted]
    ['run_from', 'run_to']
    """
    taken = set(ITEM_COLUMNS)
    wanted: list[WantedColumn] = []
    formulas: list[str] = []
    for column in board.columns:
        if column.archived or column.type == "name":
            continue
        if column.type == "formula":
            formulas.append(column.id)
            if len(formulas) > FORMULA_COLUMNS:
                continue
        for suffix, part in column_type(column.type).default.items():
            name = column.id + suffix
            while name in taken:
                name += "_"
            taken.add(name)
            wanted.append(WantedColumn(name=name, column_id=column.id, type=column.type, part=part))
    left_out = ", ".join(formulas[FORMULA_COLUMNS:])
    note = (
        "formula columns that were not read, because monday.com gives at most "
        f"{FORMULA_COLUMNS} in a request: {left_out}"
    )
    return tuple(wanted), (note,) if left_out else ()


def _sources(
    contract: type[dy.Schema], columns: Mapping[str, str]
) -> list[tuple[ContractColumn, str]]:
    """Pair the contract's columns with the board column ids that hold for this board."""
    described = describe(contract)
    ids = {
        column.name: str(column.metadata["board_column"])
        for column in described
        if column.metadata.get("board_column") is not None
    }
    own: dict[str, str] = {}
    for live_id, target in columns.items():
        names = [name for name, column_id in ids.items() if column_id == target]
        names = names or [column.name for column in described if column.name == target]
        if not names:
            raise ConfigError(
                f"config.yaml maps board column {live_id!r} to {target!r}, but "
                f"{contract.__name__} has no such column: it has {', '.join(ids)}"
            )
        for name in names:
            if name in own:
                raise ConfigError(
                    f"config.yaml maps two board columns, {own[name]!r} and {live_id!r}, to the "
                    f"column {name!r} of {contract.__name__}: keep one of them"
                )
            own[name] = live_id
    ids |= own
    return [(column, ids[column.name]) for column in described if column.name in ids]


def _part(column: ContractColumn, type_name: str) -> tuple[str, str | None]:
    """Choose the part of a cell that a contract column is; or say why there is none."""
    known = column_type(type_name)
    if column.metadata.get("changed_at"):
        part = "changed_at"
    elif (named := column.metadata.get("part")) is not None:
        part = str(named)
    elif type_name == "numbers" and isinstance(column.dtype, pl.Decimal | pl.String):
        part = "text"
    elif known.main is None:
        return "", (
            f"of type {type_name} has several values: state one as the contract column's metadata "
            f"`part` ({', '.join(known.default.values())})"
        )
    else:
        part = known.main
    if part not in known.parts:
        return "", (
            f"is of type {type_name}, which has no part {part!r} (it has {', '.join(known.parts)})"
        )
    return part, None
