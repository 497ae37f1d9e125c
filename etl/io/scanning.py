"""A table or a query as a polars LazyFrame that reads no more than a plan asks for.

polars hands an IO source the columns, the filter and the row limit that its optimizer could push down to
it. The columns and the limit become SQL; of the filter, whatever SQL can say without losing a row. What
arrives is filtered by polars once more, so the rows are polars' own.
"""

from __future__ import annotations

import logging
import re
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from polars.io.plugins import register_io_source

from etl.contracts.casts import cast_lossless
from etl.contracts.describe import describe
from etl.errors import ContractError, LoadError, TransientError
from etl.io.names import parse_table_name
from etl.io.reading import as_contract, compile_query
from etl.io.scan_predicate import read_predicate
from etl.io.scan_sql import Conditions
from etl.io.scan_values import ScanColumn
from etl.io.sql import is_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal

    import dataframely as dy

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column
    from etl.io.reading import Source
    from etl.io.sql import Params

__all__ = ["SCAN_ROWS", "Scan", "open_scan", "scan"]

logger = logging.getLogger(__name__)

SCAN_ROWS: Final = 50_000
_DERIVED: Final = "_etl_scan"
_PROCEDURE: Final = re.compile(
    r"^(?:\s|--[^\n]*\n|/\*.*?\*/)*exec(?:ute)?\b", re.IGNORECASE | re.DOTALL
)
# Where a result does not tell the type of every column, its first values do; elsewhere no row is read.
_PROBE_ROWS: Final[Mapping[str, int]] = {"sqlite": 100, "postgresql": 100, "mssql": 100}
_RELEASE_SECONDS: Final = 0.2
# A database in memory is one connection: two readers would end each other's transactions.
_in_memory: Final = threading.Lock()


def scan(
    database: Database,
    source: Source,
    *,
    params: Params = None,
    dialect: Literal["tsql"] | None = None,
    contract: type[dy.Schema] | None = None,
    batch_rows: int = SCAN_ROWS,
) -> pl.LazyFrame:
    """The source as a LazyFrame; see ``db_helper.scan_frame``."""
    made = open_scan(
        database, source, params=params, dialect=dialect, contract=contract, batch_rows=batch_rows
    )
    return register_io_source(
        made,
        schema=made.schema,
        # The same scan twice in one plan is one read.
        is_pure=True,
        explain_name=f"{database.title} {database.settings.name or ''}".strip(),
        explain_detail=_one_line(database, made.statement()[0]),
    )


def open_scan(
    database: Database,
    source: Source,
    *,
    params: Params = None,
    dialect: Literal["tsql"] | None = None,
    contract: type[dy.Schema] | None = None,
    batch_rows: int = SCAN_ROWS,
) -> Scan:
    """What :func:`scan` reads by: the source's columns, asked for now, and its rows when called."""
    if batch_rows < 1:
        raise ContractError(f"batch_rows must be at least 1, not {batch_rows}")
    found = _look(database, source, params=params, dialect=dialect)
    return Scan(database, found, contract, batch_rows)


def _one_line(database: Database, sql: str) -> str:
    text = " ".join(sql.split())
    return text.replace("%%", "%") if database.param_style == "format" else text


@dataclass(frozen=True)
class _Source:
    """What is scanned: a table, or a statement; ``whole`` one that can't stand within another."""

    sql: str
    values: tuple[Any, ...]
    schema: pl.Schema
    table: bool
    whole: bool = False
    catalogue: Mapping[str, Column] = field(default_factory=dict)


def _look(
    database: Database, source: Source, *, params: Params, dialect: Literal["tsql"] | None
) -> _Source:
    """Ask the live database what the source's columns are."""
    if isinstance(source, str) and _PROCEDURE.match(source):
        raise ContractError(
            "a procedure can't be scanned, only run: use read_frame, with batch_rows= for a stream"
        )
    with database.begin() as connection:
        sql, values = compile_query(database, connection, source, params=params, dialect=dialect)
        columns: Sequence[Column] = ()
        name = _table_of(source)
        if name is not None:
            table = database.resolve(connection, parse_table_name(name))
            columns = database.columns(connection, table) or ()
            sql = database.qualified(table)
    if values is None and database.param_style == "format":
        sql = sql.replace("%", "%%")  # values will be bound, and then these are read
    found = _Source(
        sql.rstrip().rstrip(";"),
        tuple(values or ()),
        pl.Schema(),
        table=bool(columns),
        catalogue={column.name: column for column in columns},
    )
    return _with_schema(database, found)


def _table_of(source: Source) -> str | tuple[str, str] | None:
    """The name of the table that the source is; None for a query."""
    if isinstance(source, tuple):
        return source
    if not isinstance(source, str) or is_query(source):
        return None
    return None if source.strip().lower().endswith(".sql") else source


def _with_schema(database: Database, found: _Source) -> _Source:
    try:
        return _probed(database, found)
    except TransientError:
        raise
    except LoadError:
        if found.table:
            raise
        # A query that can't stand in a FROM clause (WITH or ORDER BY on SQL Server) is run as it
        # is, and polars does the rest; one that is wrong fails again, with its own words.
        return _probed(database, replace(found, whole=True))


def _probed(database: Database, found: _Source) -> _Source:
    names = list(found.catalogue) or None
    limit = _PROBE_ROWS.get(database.dialect, 0)
    sql = found.sql if found.whole else _select(database, found, names, limit=limit)
    with database.begin() as connection:
        values = _given(database, found.values)
        frames: Any = database.fetch(connection, sql, values, batch_rows=max(1, limit))
        with closing(frames):  # one frame is enough, and the cursor must not wait for the rest
            schema = dict(next(frames).schema)
    for name, column in found.catalogue.items():
        # Without a value a column seems to be text, and a numeric without a scale has that of its
        # first rows: the catalogue knows better.
        guessed = schema[name] == pl.String or isinstance(column.dtype, pl.Decimal)
        if guessed and schema[name] != column.dtype:
            schema[name] = column.dtype
    return replace(found, schema=pl.Schema(schema))


def _given(database: Database, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The values for the driver: none, where it would look for a place for them all the same."""
    return values if values or database.param_style == "format" else None


def _select(
    database: Database,
    found: _Source,
    names: Sequence[str] | None,
    *,
    where: str = "",
    limit: int | None = None,
) -> str:
    picked = "*" if names is None else ", ".join(_quoted(database, name) for name in names)
    top = f"TOP ({limit}) " if limit is not None and database.dialect == "mssql" else ""
    # A line of its own for the query: a comment may end it.
    source = found.sql if found.table else f"(\n{found.sql}\n) AS {_DERIVED}"
    made = f"SELECT {top}{picked} FROM {source}"
    if where:
        made += f" WHERE {where}"
    if limit is not None and not top:
        made += f" LIMIT {limit}"
    return made


def _quoted(database: Database, name: str) -> str:
    quoted = database.quote(name)
    return quoted.replace("%", "%%") if database.param_style == "format" else quoted


def _refuse_busy(database: Database) -> None:
    """Say so where a load or another read holds a memory's one connection."""
    pool: Any = database.engine.pool
    if getattr(pool.connection.driver_connection, "in_transaction", False):
        raise database.failure(
            "a database in memory has one connection, and a load or another read is using it: "
            "collect() the scan first, or use a file"
        )


@contextmanager
def _released() -> Iterator[None]:
    """Have a source that polars stopped reading (a ``head``) closed soon, and its locks with it.

    Its engine's threads drop the source without Python's lock; the reference then waits until
    Python next calls into polars (pyo3.rs/main/memory), which may be never. So something calls.
    """
    done = threading.Event()

    def call() -> None:
        while not done.wait(_RELEASE_SECONDS):
            pl.thread_pool_size()

    threading.Thread(target=call, name="etl-scan", daemon=True).start()
    try:
        yield
    finally:
        done.set()


class Scan:
    """The IO source that polars calls: it gives the rows of a plan's columns, filter and limit."""

    def __init__(
        self,
        database: Database,
        found: _Source,
        contract: type[dy.Schema] | None,
        batch_rows: int,
    ) -> None:
        self._database = database
        self._found = found
        self._contract = contract
        self._batch_rows = batch_rows
        declared = {c.name: c.dtype for c in describe(contract)} if contract else {}
        self.schema = pl.Schema(
            {name: declared.get(name, dtype) for name, dtype in found.schema.items()}
        )
        self._conditions = Conditions(
            database.dialect,
            {name: self._column(name) for name in self.schema if self._is_native(name)},
            quote=lambda name: _quoted(database, name),
            holder="%s" if database.param_style == "format" else "?",
        )

    def __repr__(self) -> str:
        return f"<scan of {self._database.label}: {self.statement()[0]}>"

    def _is_native(self, name: str) -> bool:
        """Whether polars compares the type that the database has; a contract can change it."""
        before, after = self._found.schema[name], self.schema[name]
        return before == after or (before.is_integer() and after.is_integer())

    def _column(self, name: str) -> ScanColumn:
        known = self._found.catalogue.get(name)
        exact = {
            "sqlite": False,  # decimals are doubles there
            "postgresql": known is not None and known.scale is not None,
        }.get(self._database.dialect, True)
        return ScanColumn(
            name=name,
            dtype=self._found.schema[name],
            type=known.type if known is not None else None,
            exact=exact,
        )

    def statement(
        self,
        columns: Sequence[str] | None = None,
        predicate: pl.Expr | None = None,
        n_rows: int | None = None,
    ) -> tuple[str, tuple[Any, ...]]:
        """The SQL for a part of the rows, and the values to bind.

        polars limits before it filters, where it asks for both (``head(5).filter(...)``): the limit
        goes to the database, and the few rows are filtered here.
        """
        if self._found.whole:
            return self._found.sql, self._found.values
        where, values = "", ()
        if predicate is not None and n_rows is None:
            where, values = self._conditions.where(read_predicate(predicate))
        names = list(self.schema) if columns is None else list(columns)
        # A plan that only counts asks for no column; SQL wants one.
        names = names or list(self.schema)[:1]
        sql = _select(self._database, self._found, names, where=where, limit=n_rows)
        return sql, (*self._found.values, *self._bound(values))

    def _bound(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return self._database.parameters(values)

    def __call__(
        self,
        columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,  # noqa: ARG002 - polars' wish; ours is the caller's
    ) -> Iterator[pl.DataFrame]:
        """polars' side of the interface: frames of these columns, filtered and limited."""
        sql, values = self.statement(columns, predicate, n_rows)
        logger.debug("%s: %s", self._database.label, sql)
        left = n_rows
        with _released():
            for raw in self._frames(sql, values):
                frame = self._typed(raw)
                if left is not None:
                    frame = frame.head(left)
                    left -= frame.height
                if predicate is not None:
                    frame = frame.filter(predicate)
                yield frame if columns is None else frame.select(columns)
                if left == 0:
                    return

    def _frames(self, sql: str, values: tuple[Any, ...]) -> Iterator[pl.DataFrame]:
        if getattr(self._database, "in_memory", False):
            with _in_memory:
                _refuse_busy(self._database)
                frames = list(self._fetched(sql, values))
            yield from frames
        else:
            yield from self._fetched(sql, values)

    def _fetched(self, sql: str, values: tuple[Any, ...]) -> Iterator[pl.DataFrame]:
        given = _given(self._database, values)
        with self._database.begin() as connection:
            yield from self._database.fetch(connection, sql, given, batch_rows=self._batch_rows)

    def _typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame in the types that were promised for it."""
        if self._contract is not None:
            frame = as_contract(frame, self._contract)
        made = {}
        for name, values in frame.to_dict().items():
            dtype = self.schema[name]
            if values.dtype == dtype:
                continue
            made[name] = cast_lossless(values, dtype)
            lost = values.filter(values.is_not_null() & made[name].is_null())
            if lost.len():
                raise LoadError(
                    f"column {name!r} was {dtype} by its first rows, and {lost.len()} value(s) such "
                    f"as {lost[0]!r} are not: cast it in the query, or give a contract=",
                    database=self._database.settings.name,
                )
        return frame.with_columns(**made) if made else frame
