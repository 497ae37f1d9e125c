"""Write a frame into a table, all or nothing: check everything, then load and commit once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.contracts.check import split
from etl.contracts.describe import describe
from etl.errors import ContractError, LoadError
from etl.io.databases.ways import choose_way
from etl.io.frames import Batches, to_batches
from etl.io.keys import key_names
from etl.io.names import parse_table_name
from etl.io.options import EMPTYING
from etl.io.preflight import conform
from etl.io.source import silent
from etl.io.targets import fit_target
from etl.markup import facts, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column
    from etl.io.options import Mode, WriteOptions
    from etl.io.preflight import Rules

__all__ = ["LoadResult", "check_arrived", "load", "refuse_empty"]

# A whole frame is cut for the sake of a bar only, and not so often that the load would slow down.
_STEP_ROWS: Final = 50_000
_STEPS: Final = 50


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What a load did, by the server's own counts.

    ``seconds`` are by phase: ``preflight`` (check and cast) and ``load`` (send and verify);
    ``commit`` comes after it and is the caller's.
    """

    table: str
    mode: Mode
    rows: int
    """Rows of the frame, without ``duplicates``."""
    inserted: int
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    quarantined: int = 0
    duplicates: int = 0
    """Rows of the frame that a later one of the same key stood for (``on_duplicate="last"``)."""
    loader: str
    """The way in; what ``loader=`` takes, or ``none`` where nothing came."""
    workers: int = 1
    """The connections that it may have gone over at once."""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def staged(self) -> int:
        """Rows that arrived, by the server's count: with another count than ``rows`` all is undone."""
        return self.rows

    @property
    def rows_per_second(self) -> float:
        """Rows of the frame by the time that all phases took."""
        total = sum(self.seconds.values())
        return self.rows / total if total else 0.0

    def _repr_html_(self) -> str:
        seconds = ", ".join(f"{phase} {spent:.3f}" for phase, spent in self.seconds.items())
        return section(
            f"{self.table} ({self.mode})",
            facts(
                [
                    ("rows of the frame", self.rows),
                    ("inserted", self.inserted),
                    ("updated", self.updated),
                    ("deleted", self.deleted),
                    ("unchanged", self.unchanged),
                    ("set aside", self.quarantined or None),
                    ("duplicates left out", self.duplicates or None),
                    ("loader", self.loader),
                    ("workers", self.workers if self.workers > 1 else None),
                    ("seconds", seconds or None),
                ]
            ),
        )


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
    options: WriteOptions,
) -> LoadResult:
    """Load a frame within the connection's transaction; see ``db_helper.write_frame``."""
    clock = _Clock()
    mode, contract = options.mode, options.contract
    name = parse_table_name(table)
    source, duplicates = _without_duplicates(to_batches(frame), options, str(name))
    if contract is not None and source.whole is not None:
        _check_contract(source.whole, options, str(name))
    first, batches = _peek(source.batches)
    if first is None or first.is_empty():
        refuse_empty(options, str(name))
    target = database.resolve(connection, name)
    columns = database.columns(connection, target)
    if first is None:  # a stream of nothing, which does not even tell its columns
        if columns is None or mode not in EMPTYING:
            return LoadResult(table=str(name), mode=mode, rows=0, inserted=0, loader="none")
        first = pl.DataFrame(schema={c.name: c.dtype for c in columns if not c.generated})
        batches = iter([first])
    way = choose_way(
        database,
        connection,
        loader=options.loader,
        workers=options.workers,
        rows=None if source.whole is None else source.whole.height,
    )
    fitted = fit_target(database, connection, target, columns, first, options, table=str(name))

    fitting = _Fitting(
        pairs=fitted.pairs,
        problems=fitted.problems,
        rules=database.rules,
        table=str(name),
        # A whole frame was checked above, keys across all its rows included.
        checked=source.whole is not None or contract is None,
        options=options,
        clock=clock,
        total=None if source.whole is None else source.whole.height,
    )
    ready = fitting.batches(batches)
    # The first batch is cast and checked before anything is sent; often it is all there is.
    every = chain([next(ready)], ready)
    if fitted.goes_by is None:
        written = database.write(
            connection, target, fitted.columns, every, clear=mode == "replace", way=way
        )
    else:
        written = database.write_by_key(
            connection, target, fitted.columns, every, mode=fitted.goes_by, key=fitted.keys, way=way
        )
    clock.enter("commit")
    rows = fitting.rows
    check_arrived(written.arrived, rows, str(name))
    return LoadResult(
        table=str(name),
        mode=mode,
        rows=rows,
        inserted=written.inserted,
        updated=written.updated,
        deleted=written.deleted,
        unchanged=rows - written.inserted - written.updated,
        duplicates=duplicates,
        loader=written.way.loader,
        workers=written.way.workers,
        seconds=clock.seconds,
    )


@dataclass(kw_only=True)
class _Fitting:
    """Batches on their way: each is checked and cast just before it is sent."""

    pairs: Sequence[tuple[str, Column]]
    problems: Sequence[str]
    rules: Rules
    table: str
    checked: bool
    options: WriteOptions
    clock: _Clock
    total: int | None
    rows: int = 0

    def batches(self, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        for batch in batches:
            self.clock.enter("preflight")
            if not self.checked:
                _check_contract(batch, self.options, self.table)
            fit = conform(
                batch,
                self.pairs,
                self.rules,
                table=self.table,
                on_precision_loss=self.options.on_precision_loss,
                problems=self.problems,
            )
            for part in self._parts(fit):
                self.rows += part.height
                self.clock.enter("load")
                yield part
                # Whoever asks for the next part has sent this one.
                self.options.progress(f"rows into {self.table}", self.rows, self.total)

    def _parts(self, frame: pl.DataFrame) -> Iterable[pl.DataFrame]:
        if self.options.progress is silent or frame.height <= _STEP_ROWS:
            return (frame,)
        return frame.iter_slices(max(_STEP_ROWS, frame.height // _STEPS))


def refuse_empty(options: WriteOptions, table: str) -> None:
    """Raise where a frame without rows would empty the table, and nobody said that it may."""
    if options.mode in EMPTYING and not options.allow_empty:
        raise ContractError(
            f"the frame is empty, and {options.mode} would empty the table {table}; "
            "pass allow_empty=True if that is meant",
            table=table,
        )


def check_arrived(arrived: int, rows: int, table: str) -> None:
    """Raise where the server counts other rows than were sent."""
    if arrived != rows:
        raise LoadError(
            f"{rows} rows were sent to {table} and the server counts {arrived}: "
            "rolled back; does a trigger or rule of the table drop rows?",
            table=table,
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


def _without_duplicates(source: Batches, options: WriteOptions, table: str) -> tuple[Batches, int]:
    """The last row of each key where that is asked for, and how many rows it stood for."""
    if options.on_duplicate == "error" or options.order_by is None:
        return source, 0
    if source.whole is None:
        raise ContractError(
            f"on_duplicate='last' needs the whole frame, and a stream goes into {table}: "
            "collect it, or take the last rows in the transform",
            table=table,
        )
    key = key_names(options.key, options.contract)
    missing = [name for name in [*key, options.order_by] if name not in source.whole.columns]
    if missing or not key:
        raise ContractError(
            f"on_duplicate='last' into {table} needs a key and order_by that the frame has; "
            f"missing: {', '.join(missing) or 'a key'}",
            table=table,
        )
    ordered = source.whole.sort(options.order_by, nulls_last=False, maintain_order=True)
    last = ordered.unique(key, keep="last", maintain_order=True)
    return Batches(iter([last]), last), source.whole.height - last.height


def _check_contract(frame: pl.DataFrame, options: WriteOptions, table: str) -> None:
    contract = options.contract
    if contract is None:
        return
    if options.on_new_columns != "error":  # what the contract does not know is not its concern
        known = {column.name for column in describe(contract)}
        frame = frame.select(name for name in frame.columns if name in known)
    rejected = split(frame, contract).rejected
    if rejected.height:
        reasons = rejected["reason"].head(3).to_list()
        raise ContractError(
            f"{rejected.height} row(s) break the contract {contract.__name__} of {table}; nothing "
            f"was written: {'; '.join(reasons)}{' ...' if rejected.height > len(reasons) else ''}",
            table=table,
        )
