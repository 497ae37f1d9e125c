"""What has changed at a source since its contract was written: columns new, gone, or of other types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl

from etl.contracts.describe import ContractColumn, describe
from etl.io.catalogue import primary_key
from etl.io.monday.reader import MondayItems, board_columns
from etl.io.proposals import board_column, board_proposal, source_type, table_proposal
from etl.io.tables import TableSource, live_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import dataframely as dy

    from etl.config import Config
    from etl.io.databases.columns import Column
    from etl.io.monday.boards import Board

__all__ = ["Change", "board_changes", "source_changes", "table_changes"]

Kind = Literal["added", "removed", "retyped", "widened", "narrowed", "may be null", "never null"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One column of a source that is not as the contract knows it."""

    kind: Kind
    source: str
    """The board column's id, or the table's column."""
    was: str = ""
    now: str = ""
    old: tuple[ContractColumn, ...] = ()
    """The contract's columns that come from it."""
    new: tuple[ContractColumn, ...] = ()
    """Those that a contract written today would have."""
    harmless: bool = False
    """Nothing is lost or set aside because of it."""

    def __str__(self) -> str:
        """In words."""
        names = ", ".join(column.name for column in self.old) or self.source
        told = {"added": self.now, "removed": self.was}.get(self.kind, f"{self.was} → {self.now}")
        return f"{self.kind}: {names} ({told})"


def source_changes(config: Config, reader: object) -> tuple[Change, ...]:
    """Compare a live source with the contract that its reader has; one without has no changes.

    Raises
    ------
    SourceError, LoadError, ConfigError
        The source can't be looked at.
    """
    if isinstance(reader, MondayItems) and reader.contract is not None:
        boards = config.monday().boards
        own = boards[reader.board].columns if reader.board in boards else {}
        return board_changes(reader.contract, board_columns(config, reader.board), own)
    if isinstance(reader, TableSource):
        settings = config.database(reader.database)
        live = live_columns(settings, reader.table)
        if live is None:
            return ()
        key = primary_key(settings, reader.table)
        found = table_changes(reader.contract, live, key)
        return tuple(one for one in found if one.kind != "added" or not reader.other_columns)
    return ()


def board_changes(
    contract: type[dy.Schema], board: Board, columns: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """Compare a board with a contract.

    A type is compared where the contract's metadata has one (``board_type``).

    Parameters
    ----------
    contract
        The contract.
    board
        The live board.
    columns
        Its column id -> the contract's column id or column, where they differ.

    Examples
    --------
    >>> import dataframely as dy
    >>> from etl.io.monday.boards import Board, BoardColumn
    >>> class Plan(dy.Schema):
    ...     qty = dy.Float64(metadata={"board_column": "qty", "board_type": "numbers"})
    >>> found = (BoardColumn(id="qty", title="Qty", type="text", archived=False),
    ...          BoardColumn(id="due", title="Due", type="date", archived=False))
    >>> for change in board_changes(Plan, Board(id="1", name="", items_count=0, columns=found)):
    ...     print(change)
    retyped: qty (numbers → text)
    added: due (date)
    """
    known: dict[str, list[ContractColumn]] = {}
    described = describe(contract)
    for column in described:
        if "board_column" in column.metadata:
            known.setdefault(str(column.metadata["board_column"]), []).append(column)
    names = {column.name: column for column in described}
    can_be_read = {c.metadata.get("board_column") for c in board_proposal(board).columns}
    found: list[Change] = []
    left = dict(known)
    for live in board.columns:
        target = (columns or {}).get(live.id, live.id)
        if target not in known and target in names and target != live.id:
            own = names[target].metadata.get("board_column")
            left.pop(str(own), None)
            continue  # mapped to a column by its name: the author has decided what it is
        if live.archived:
            continue
        old = tuple(left.pop(target, ()))
        was = next((str(c.metadata["board_type"]) for c in old if "board_type" in c.metadata), None)
        if not old and live.id in can_be_read:
            new = tuple(board_column(live, names))
            found.append(
                Change(kind="added", source=live.id, now=live.type, new=new, harmless=True)
            )
        elif was is not None and was != live.type and live.id not in can_be_read:
            now = f"now {live.type}, which monday.com does not give"
            found.append(Change(kind="removed", source=live.id, was=now, old=old))
        elif was is not None and was != live.type:
            taken = [name for name in names if name not in {column.name for column in old}]
            new = tuple(board_column(live, taken))
            found.append(
                Change(kind="retyped", source=live.id, was=was, now=live.type, old=old, new=new)
            )
    found += [
        Change(kind="removed", source=name, was="no longer on the board", old=tuple(old))
        for name, old in left.items()
    ]
    return tuple(found)


def table_changes(
    contract: type[dy.Schema], live: list[Column], key: tuple[str, ...] = ()
) -> tuple[Change, ...]:
    """Compare a live table with the contract that it is read by.

    A column whose metadata has the type that it had (``source_type``) is compared with that;
    another one only for what the contract's type, length and nulls could not hold.

    Examples
    --------
    >>> import dataframely as dy
    >>> from etl.io.databases.columns import Column
    >>> class Orders(dy.Schema):
    ...     note = dy.String(max_length=50, metadata={"source_type": "nvarchar(50) not null"})
    >>> wide = Column(name="note", type="nvarchar", dtype=pl.String(), length=80, nullable=False)
    >>> [str(change) for change in table_changes(Orders, [wide])]
    ['widened: note (nvarchar(50) not null → nvarchar(80) not null)']
    """
    proposed = {column.name: column for column in table_proposal(live, key).columns}
    types = {column.name: source_type(column) for column in live}
    found: list[Change] = []
    known = {column.name: column for column in describe(contract)}
    for name, old in known.items():
        new = proposed.pop(name, None)
        if new is None:
            was = str(old.metadata.get("source_type", old.dtype))
            found.append(Change(kind="removed", source=name, was=was, old=(old,)))
            continue
        recorded = old.metadata.get("source_type")
        if recorded == types[name]:
            continue
        found += [
            Change(
                kind=kind,
                source=name,
                was=str(recorded or _contract_type(old)),
                now=types[name],
                old=(old,),
                new=(new,),
                harmless=recorded is None or kind in ("narrowed", "never null"),
            )
            for kind in _kinds(old, new, recorded=recorded is not None)
        ]
    found += [
        Change(kind="added", source=name, now=types[name], new=(new,), harmless=True)
        for name, new in proposed.items()
    ]
    return tuple(found)


def _kinds(old: ContractColumn, new: ContractColumn, *, recorded: bool) -> Iterator[Kind]:
    """How two columns differ: at most one kind, the gravest."""
    if _family(old.dtype) != _family(new.dtype):
        yield "retyped"
        return
    before, after = _room(old), _room(new)
    if any(mine < theirs for mine, theirs in zip(before, after, strict=True)):
        yield "widened"
    elif new.nullable and not old.nullable:
        yield "may be null"
    elif recorded:
        stricter = old.nullable and not new.nullable
        yield "narrowed" if before != after else "never null" if stricter else "retyped"


def _family(dtype: pl.DataType) -> object:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    return (type(dtype), getattr(dtype, "time_zone", None))


def _room(column: ContractColumn) -> tuple[float, ...]:
    """How much a column holds, to compare with another of its family."""
    dtype = column.dtype
    if isinstance(dtype, pl.Decimal):
        return (float(dtype.precision - dtype.scale), float(dtype.scale))
    if dtype.is_integer():
        signed, bits = not str(dtype).startswith("U"), int(str(dtype).lstrip("UInt"))
        return (2.0 ** (bits - 1), 2.0 ** (bits - 1)) if signed else (0.0, 2.0**bits)
    if dtype.is_float():
        return (32.0 if dtype == pl.Float32 else 64.0,)
    return (float("inf") if column.max_length is None else float(column.max_length),)


def _contract_type(column: ContractColumn) -> str:
    length = f"({column.max_length})" if column.max_length else ""
    return f"{column.dtype}{length}{'' if column.nullable else ' not null'}"
