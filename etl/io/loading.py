"""Write a frame into a table, all or nothing: check everything, then load and commit once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import polars as pl

from etl.contracts.describe import describe
from etl.errors import ContractError, LoadError
from etl.io.databases.base import NewColumn
from etl.io.frames import to_batches
from etl.io.names import did_you_mean, parse_table_name
from etl.io.preflight import OnPrecisionLoss, conform, match_columns
from etl.io.sql_types import text_length, utf16_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import dataframely as dy
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column, TableName

__all__ = ["LoadResult", "Mode", "load"]

Mode = Literal["append", "replace"]
MODES: Final[tuple[str, ...]] = get_args(Mode)


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What a load did, by the server's own counts.

    ``seconds`` are by phase: ``preflight`` (check and cast) and ``load`` (send and verify);
    ``commit`` comes after it and is the caller's.
    """

    table: str
    mode: Mode
    rows: int
    """Rows in the frame."""
    inserted: int
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    quarantined: int = 0
    loader: str
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        """Rows of the frame by the time that all phases took."""
        total = sum(self.seconds.values())
        return self.rows / total if total else 0.0


class _Clock:
    """Seconds by phase; a phase may be entered many times."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._phase, self._since = "preflight", time.perf_counter()

    def enter(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase, now


def load(
    database: Database,
    connection: sa.Connection,
    frame: Any,
    table: str | tuple[str, str],
    *,
    mode: Mode,
    contract: type[dy.Schema] | None = None,
    create: Literal["auto"] | bool = "auto",
    allow_empty: bool = False,
    on_precision_loss: OnPrecisionLoss = "error",
) -> LoadResult:
    """Load a frame within the connection's transaction; see ``db_helper.write_frame``."""
    if mode not in MODES:
        raise ContractError(
            f"no mode {mode!r}: choose {' or '.join(MODES)}{did_you_mean(str(mode), MODES)}"
        )
    clock = _Clock()
    name = parse_table_name(table)
    source = to_batches(frame)
    if contract is not None and source.whole is not None:
        _check_contract(source.whole, contract, str(name))
    first, batches = _peek(source.batches)
    if (first is None or first.is_empty()) and mode == "replace" and not allow_empty:
        raise ContractError(
            f"the frame is empty, and replace would empty the table {name}; "
            "pass allow_empty=True if that is meant",
            table=str(name),
        )
    if first is None:
        return LoadResult(table=str(name), mode=mode, rows=0, inserted=0, loader="none")

    target = database.resolve(connection, name)
    columns = database.columns(connection, target)
    if columns is None:
        columns = _create(database, connection, target, first, contract, create)
    pairs, problems = match_columns(first.columns, columns, database.rules)
    if mode == "replace":
        _refuse_referenced(database, connection, target)

    rows = 0

    def fitting() -> Iterator[pl.DataFrame]:
        nonlocal rows
        for batch in batches:
            clock.enter("preflight")
            fit = conform(
                batch,
                pairs,
                database.rules,
                table=str(name),
                on_precision_loss=on_precision_loss,
                problems=problems,
            )
            rows += fit.height
            clock.enter("load")
            yield fit

    ready = fitting()
    # The first batch is cast and checked before anything is sent; often it is all there is.
    head = next(ready)
    written = database.write(
        connection,
        target,
        [column for _, column in pairs],
        chain([head], ready),
        clear=mode == "replace",
    )
    if written.inserted != rows:
        raise LoadError(
            f"{rows} rows were sent to {name} and the server counts {written.inserted}: "
            "rolled back; does a trigger or rule of the table drop rows?",
            table=str(name),
        )
    clock.enter("commit")
    return LoadResult(
        table=str(name),
        mode=mode,
        rows=rows,
        inserted=written.inserted,
        deleted=written.deleted,
        loader=written.loader,
        seconds=clock.seconds,
    )


def _peek(
    batches: Iterator[pl.DataFrame],
) -> tuple[pl.DataFrame | None, Iterator[pl.DataFrame]]:
    """The first batch with rows, or an empty one for its columns; and all batches from it on."""
    first: pl.DataFrame | None = None
    for batch in batches:
        first = batch
        if not batch.is_empty():
            break
    return first, iter([]) if first is None else chain([first], batches)


def _check_contract(frame: pl.DataFrame, contract: type[dy.Schema], table: str) -> None:
    from etl.contracts.check import split

    rejected = split(frame, contract).rejected
    if rejected.height:
        reasons = rejected["reason"].head(3).to_list()
        raise ContractError(
            f"{rejected.height} row(s) break the contract {contract.__name__} of {table}; nothing "
            f"was written: {'; '.join(reasons)}{' ...' if rejected.height > len(reasons) else ''}",
            table=table,
        )


def _refuse_referenced(database: Database, connection: sa.Connection, target: TableName) -> None:
    children = database.referenced_by(connection, target)
    if children:
        raise LoadError(
            f"{target} is referenced by {', '.join(children)}: replace deletes rows that stay, and "
            "a cascade would eat theirs; nothing was written",
            table=str(target),
        )


def _create(
    database: Database,
    connection: sa.Connection,
    target: TableName,
    first: pl.DataFrame,
    contract: type[dy.Schema] | None,
    create: Literal["auto"] | bool,
) -> list[Column]:
    if create is False:
        raise LoadError(
            f"{database.label} has no table {target}; create it, or leave create='auto'",
            table=str(target),
        )
    if not first.columns:
        raise ContractError(f"the frame has no columns; {target} can't be created from it")
    new = _columns_of_contract(contract) if contract is not None else _columns_of_frame(first)
    problems: list[str] = []
    from etl.io.sql_types import ddl_type

    for column in new:
        try:
            ddl_type(column.dtype, database.dialect, length=column.length)
        except ContractError as error:
            problems.append(f"  {column.name}: {error}")
    if problems:
        raise ContractError(
            f"{target} can't be created; nothing was written:\n" + "\n".join(problems),
            table=str(target),
        )
    database.create_table(connection, target, new)
    columns = database.columns(connection, target)
    if columns is None:
        raise LoadError(
            f"{target} was created and can't be found again: has this login the right to see it?",
            table=str(target),
        )
    return columns


def _columns_of_contract(contract: type[dy.Schema]) -> Sequence[NewColumn]:
    return [
        NewColumn(
            name=column.name,
            dtype=column.dtype,
            length=column.max_length,
            nullable=column.nullable,
            primary_key=column.primary_key,
        )
        for column in describe(contract)
    ]


def _columns_of_frame(frame: pl.DataFrame) -> Sequence[NewColumn]:
    texts = [
        name
        for name, dtype in frame.schema.items()
        if dtype in (pl.String, pl.Categorical, pl.Enum)
    ]
    lengths = (
        frame.select(pl.col(texts).cast(pl.String))
        .select(utf16_length(name).max().alias(name) for name in texts)
        .row(0, named=True)
        if texts and frame.height
        else dict.fromkeys(texts, None)
    )
    return [
        NewColumn(
            name=name,
            dtype=dtype,
            length=text_length([lengths[name]]) if name in lengths else None,
        )
        for name, dtype in frame.schema.items()
    ]
