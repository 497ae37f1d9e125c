"""A new job before anything is written: where it reads, where it loads, and its contract's columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from etl.config.cron import cron_problem
from etl.errors import ConfigError, SourceError
from etl.io.catalogue import primary_key, table_names
from etl.io.keys import Mode
from etl.io.monday.reader import board_columns
from etl.io.names import parse_table_name
from etl.io.proposals import Proposal, board_proposal, plain_text, table_proposal
from etl.io.tables import live_columns
from etl.jobs import get_job, job_names

if TYPE_CHECKING:
    from etl.config import Config
    from etl.scaffold._names import JobNames

__all__ = ["BoardOrigin", "NewJob", "TableOrigin", "board_origin", "default_origin", "plan_job", "table_origin"]  # fmt: skip

_BY_KEY = ("insert", "upsert", "sync")
_DESCRIPTION = 200


@dataclass(frozen=True, kw_only=True)
class BoardOrigin:
    """A board, by its name in config.yaml or its number."""

    board: str

    @property
    def where(self) -> str:
        """In words."""
        return f"the board {self.board}"


@dataclass(frozen=True, kw_only=True)
class TableOrigin:
    """A table of a database in config.yaml."""

    database: str
    table: str

    @property
    def where(self) -> str:
        """In words."""
        return f"{self.table} in {self.database}"


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """All that a job's files are made from."""

    names: JobNames
    origin: BoardOrigin | TableOrigin
    proposal: Proposal
    database: str
    table: str
    mode: Mode
    schedule: str | None
    description: str


def board_origin(config: Config, board: str) -> BoardOrigin:
    """A board by the name that config.yaml has for it, or by its number where it has none.

    Raises
    ------
    ConfigError
        It is no number, and config.yaml has no such board.
    """
    boards = config.monday().boards
    named = next((name for name, entry in boards.items() if board in (name, entry.id)), None)
    if named is None and not (board.isascii() and board.isdigit()):
        raise ConfigError(
            f"no board {board!r} in config.yaml (it has {', '.join(boards) or 'none'}): "
            "give one of these, or the number in the board's address"
        )
    return BoardOrigin(board=named or board)


def table_origin(config: Config, text: str, *, option: str = "--from-table") -> TableOrigin:
    """A table written as ``DATABASE.SCHEMA.TABLE`` or ``DATABASE.TABLE``.

    Raises
    ------
    ConfigError
        It is not written so, or config.yaml has no such database.
    ContractError
        What follows the database is no table's name.
    """
    # A database's name may have a dot: the longest that fits is meant.
    named = [name for name in config.databases if text.startswith(f"{name}.")]
    if not named:
        raise ConfigError(
            f"{option} {text!r} names no database of config.yaml "
            f"(it has {', '.join(config.databases)}): write DATABASE.SCHEMA.TABLE"
        )
    database = max(named, key=len)
    table = text[len(database) + 1 :]
    parse_table_name(table)
    return TableOrigin(database=database, table=table)


def default_origin(config: Config) -> BoardOrigin | TableOrigin:
    """The first board of config.yaml, else the first table that its databases have.

    Raises
    ------
    ConfigError
        There is neither.
    """
    why = "config.yaml names no board"
    try:
        for board in config.monday().boards:
            return BoardOrigin(board=board)
    except ConfigError as error:  # no apis.monday, or no token: then a table
        why = str(error)
    for database in config.databases:
        for table in table_names(config.database(database)):
            return TableOrigin(database=database, table=table)
    raise ConfigError(
        f"there is nothing to read from: no database of config.yaml has a table, and no board can "
        f"be read ({why}); name a source with --from-board or --from-table"
    )


def plan_job(
    config: Config,
    names: JobNames,
    origin: BoardOrigin | TableOrigin,
    *,
    target: TableOrigin | None = None,
    mode: str = "replace",
    schedule: str | None = None,
    description: str | None = None,
) -> NewJob:
    """Read the source's columns, and check what the job is to be; nothing is written.

    Parameters
    ----------
    config
        Says where boards and databases are.
    names
        What the job is called.
    origin
        What it reads.
    target
        Where it loads; by default a table called after the job, in the first database.
    mode
        How it loads.
    schedule
        A cron expression in UTC.
    description
        One line about it.

    Raises
    ------
    ConfigError
        An option makes no sense, or another job loads that table.
    SourceError, LoadError, ContractError
        The source is not there, can't be read, or has columns that no contract can have.
    """
    target = target or TableOrigin(database=config.databases[0], table=f"dbo.{names.module}")
    if mode not in get_args(Mode):
        raise ConfigError(f"--mode {mode!r} is none: choose {', '.join(get_args(Mode))}")
    if schedule is not None and (problem := cron_problem(schedule)):
        raise ConfigError(f"--schedule: {problem}")
    _check_target(config, origin, target)
    proposal = _proposal(config, origin)
    if mode in _BY_KEY and not any(column.primary_key for column in proposal.columns):
        raise ConfigError(
            f"--mode {mode} goes by a key, and {origin.where} has no primary key: use replace or "
            "append, or state the key in the contract afterwards"
        )
    said = plain_text(description or _described(origin, target), _DESCRIPTION)
    return NewJob(
        names=names,
        origin=origin,
        proposal=proposal,
        database=target.database,
        table=target.table,
        mode=next(known for known in get_args(Mode) if known == mode),
        schedule=schedule,
        description=said if said.endswith(".") else f"{said}.",
    )


def _described(origin: BoardOrigin | TableOrigin, target: TableOrigin) -> str:
    if isinstance(origin, BoardOrigin):
        return f"Every item of the board {origin.board} into {target.table}."
    return f"The rows of {origin.where} into {target.table}."


def _check_target(config: Config, origin: BoardOrigin | TableOrigin, target: TableOrigin) -> None:
    same = _same_table(target)
    config.database(target.database)
    if isinstance(origin, TableOrigin) and _same_table(origin) == same:
        raise ConfigError(f"the job would load {target.where} from itself: name another with --to")
    for name in job_names():
        for step in get_job(name).steps:
            for table in step.tables.values():
                if _same_table(table) == same:
                    raise ConfigError(
                        f"{name} loads {target.where} already: name another with --to"
                    )


def _same_table(at: object) -> tuple[str, str, str]:
    """What two names of one table have in common: ``dbo`` stands for the default schema."""
    database, table = str(getattr(at, "database", "")), str(getattr(at, "table", ""))
    name = parse_table_name(table)
    schema = (name.schema or "dbo").casefold()
    return database, schema, name.name.casefold()


def _proposal(config: Config, origin: BoardOrigin | TableOrigin) -> Proposal:
    if isinstance(origin, BoardOrigin):
        return board_proposal(board_columns(config, origin.board))
    settings = config.database(origin.database)
    columns = live_columns(settings, origin.table)
    if columns is None:
        there = ", ".join(table_names(settings)[:10]) or "no table"
        raise SourceError(
            f"{origin.where} is not there; the database has {there}", table=origin.table
        )
    return table_proposal(columns, primary_key(settings, origin.table))
