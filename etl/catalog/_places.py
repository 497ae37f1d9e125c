"""What a job reads and writes: the places outside that its parts name."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.catalog._model import Column, Contract, Link, Place, Step
from etl.contracts.describe import (
    ContractColumn,
    column_notes,
    column_rules,
    contract_rules,
    describe,
)
from etl.errors import ContractError
from etl.io.sql_types import ddl_type
from etl.jobs.base import SetAside, Table

if TYPE_CHECKING:
    import dataframely as dy

    from etl.config import Config
    from etl.jobs.base import Job

__all__ = ["Places", "dtype_name"]

_Key = tuple[str, str | None, str]


@dataclass
class Places:
    """The places that were found so far: each once, whatever reads or writes it."""

    config: Config
    _found: dict[_Key, Place] = field(default_factory=dict)
    _contracts: dict[_Key, dict[str, type[dy.Schema]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def all(self) -> tuple[Place, ...]:
        """The places in the order of their names, with their contracts."""
        return tuple(sorted(map(self.whole, self._found.values()), key=lambda place: place.id))

    def whole(self, place: Place) -> Place:
        """A place as it is known by now: a contract may have come later than the place."""
        key = (place.kind, place.database, place.name)
        contracts = self._contracts[key].values()
        return replace(
            self._found[key], contracts=tuple(_contract(each, place.engine) for each in contracts)
        )

    def step(self, job: Job) -> Step:
        """What a job, or a pipeline's step, reads and writes."""
        links = [
            Link(self._place(reader), writes=False, how=_read_as(reader))
            for reader in job.inputs.values()
        ]
        if job.call is not None:
            place = self._place(job.call.writer)
            links.append(Link(place, writes=True, how=_words(job.call.writer)))
        sets_aside = False
        for output in job.outputs.values():
            if isinstance(output, SetAside):
                sets_aside = True
            elif isinstance(output, Table):
                links.append(Link(self._place(output), writes=True, how=output.mode))
            elif hasattr(output, "describe"):
                links.append(Link(self._place(output), writes=True, how="files"))
        return Step(
            name=job.name,
            description=job.description,
            links=tuple(dict.fromkeys(links)),
            sets_aside=sets_aside,
        )

    def _place(self, part: Any) -> Place:
        board, database = getattr(part, "board", None), getattr(part, "database", None)
        if board is not None:
            place = Place(kind="board", name=str(board))
        elif database is not None and hasattr(part, "table"):
            engine = self.config.engine(database) if database in self.config.databases else None
            place = Place(kind="table", name=part.table, database=database, engine=engine)
        elif hasattr(part, "books"):
            sheets = tuple(
                (f"{book.file.replace('{}', f'<{book.per}>')}.xlsx", tuple(s.name for s in book.sheets))
                for book in part.books
            )  # fmt: skip
            place = Place(kind="workbooks", name=part.directory, sheets=sheets)
        else:
            place = Place(kind="file", name=part.describe())
        key = (place.kind, place.database, place.name)
        contract = getattr(part, "contract", None)
        if contract is not None:
            self._contracts[key].setdefault(contract.__name__, contract)
        return self._found.setdefault(key, place)


def _read_as(reader: Any) -> str:
    filled_by = getattr(reader, "filled_by", None)
    return f"filled by {filled_by}" if filled_by else _words(reader)


def _words(part: Any) -> str:
    """What of a board is meant: ``items of the monday board "planning"`` begins with it."""
    if getattr(part, "board", None) is None:
        return ""
    return str(part.describe()).partition(" of ")[0]


def _contract(contract: type[dy.Schema], engine: str | None) -> Contract:
    rules, notes = column_rules(contract), column_notes(contract)
    return Contract(
        name=contract.__name__,
        text=" ".join((contract.__doc__ or "").split("\n\n")[0].split()),
        columns=tuple(
            _column(column, engine, rules.get(column.name, ()), notes.get(column.name))
            for column in describe(contract)
        ),
        rules=contract_rules(contract),
    )


def _column(
    column: ContractColumn, engine: str | None, rules: tuple[str, ...], note: str | None
) -> Column:
    source = column.metadata.get("board_column")
    if source is not None and column.metadata.get("part"):
        source = f"{source} ({column.metadata['part']})"
    return Column(
        name=column.name,
        dtype=dtype_name(column.dtype),
        sql_type=_sql_type(column, engine),
        nullable=column.nullable,
        primary_key=column.primary_key,
        max_length=column.max_length,
        rules=rules,
        source=source,
        note=" ".join(note.split()) if note else None,
    )


def _sql_type(column: ContractColumn, engine: str | None) -> str | None:
    if engine is None:
        return None
    try:
        declared = ddl_type(column.dtype, engine, length=column.max_length)
    except ContractError:
        return None  # lists of a board's cells are in no table
    return declared.partition(" CHARACTER SET")[0]


def dtype_name(dtype: pl.DataType) -> str:
    """A dataframe's type as people say it.

    >>> dtype_name(pl.Datetime("us", "UTC")), dtype_name(pl.Decimal(12, 2)), dtype_name(pl.Int64())
    ('Datetime, UTC', 'Decimal(12, 2)', 'Int64')
    """
    if isinstance(dtype, pl.Datetime):
        return f"Datetime, {dtype.time_zone}" if dtype.time_zone else "Datetime"
    if isinstance(dtype, pl.Decimal):
        return f"Decimal({dtype.precision}, {dtype.scale})"
    return re.sub(r"\(time_unit=[^)]*\)", "", str(dtype))
