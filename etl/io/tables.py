"""Live tables as a job sees them: their rows where they exist, and nothing made where they don't."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import SourceError
from etl.io.reading import as_contract
from etl.io.source import Read

if TYPE_CHECKING:
    import dataframely as dy
    import polars as pl

    from etl.config import DatabaseSettings
    from etl.io.databases.columns import Column
    from etl.io.source import ReadContext

__all__ = ["TableRows", "TableSource", "database_exists", "live_columns", "live_rows"]


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """Reads a table; one that does not exist yet is an empty frame of the contract's columns.

    Jobs use it for the rows that an earlier run has left. Unlike other sources it may be empty,
    and ``limit`` does not apply: half of the earlier state would be a wrong state.
    """

    database: str
    table: str
    contract: type[dy.Schema]

    def read(self, context: ReadContext) -> Read:
        """Read the whole table.

        Raises
        ------
        LoadError
            The database refused.
        ContractError
            The table holds values that the contract's types do not.
        """
        rows = live_rows(context.config.database(self.database), self.table, self.contract)
        return Read(frame=self.contract.create_empty() if rows is None else rows, counts=False)

    def describe(self) -> str:
        """Name the table and its database."""
        return f"table {self.table} in {self.database}"


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """Reads a table that others fill: one that is missing, or lacks a column, is an error.

    Parameters
    ----------
    database, table
        Where it is.
    contract
        The columns that are read, and their types.
    other_columns
        Read all columns, in the table's order; those that the contract does not know, as they are.
    filled_by
        The job that fills it, if one of ours does.
    """

    database: str
    table: str
    contract: type[dy.Schema]
    other_columns: bool = False
    filled_by: str | None = None

    def read(self, context: ReadContext) -> Read:
        """Read the table, or ``context.limit`` rows of it.

        Raises
        ------
        SourceError
            The table or a column is missing, or there are no rows (unless
            ``context.allow_empty``).
        LoadError
            The database refused.
        ContractError
            The table holds values that the contract's types do not.
        """
        from etl.io import db_helper as db

        settings = context.config.database(self.database)
        live = live_columns(settings, self.table)
        wanted = list(self.contract.columns())
        self._check(live, wanted)
        frame = db.scan_frame(self.table, settings)
        if not self.other_columns:
            frame = frame.select(wanted)
        if context.limit is not None:
            frame = frame.head(context.limit)
        rows = as_contract(frame.collect(), self.contract)
        if rows.is_empty() and not context.allow_empty:
            raise SourceError(
                f"{self.describe()} has no rows; if that is meant, run with --allow-empty",
                table=self.table,
            )
        context.progress(f"rows of {self.table}", rows.height, rows.height)
        return Read(frame=rows)

    def _check(self, live: list[Column] | None, wanted: list[str]) -> None:
        if live is None:
            hint = "is it another database or schema? On a laptop `etl samples` makes it"
            if self.filled_by is not None:
                hint = f"`etl run {self.filled_by}` fills it"
            raise SourceError(f"{self.describe()} is not there: {hint}", table=self.table)
        names = [column.name for column in live]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise SourceError(
                f"{self.describe()} lacks the columns {', '.join(missing)}; it has "
                f"{', '.join(names)}: were they renamed?",
                table=self.table,
            )

    def describe(self) -> str:
        """Name the table and its database."""
        return f"table {self.table} in {self.database}"


def database_exists(settings: DatabaseSettings) -> bool:
    """Whether there is a database to connect to: a file that connecting would create is none yet.

    >>> from etl.config import DatabaseSettings
    >>> database_exists(DatabaseSettings.from_url("sqlite:////nowhere/at/all.db"))
    False
    """
    is_file = settings.embedded and settings.database != ":memory:"
    return not is_file or Path(settings.database).exists()


def live_columns(settings: DatabaseSettings, table: str) -> list[Column] | None:
    """The columns of a table, None where there is no table; never creates a database file.

    >>> from etl.config import DatabaseSettings
    >>> live_columns(DatabaseSettings.from_url("sqlite:////nowhere/at/all.db"), "t") is None
    True
    """
    from etl.io import db_helper as db

    return db.table_columns(table, settings) if database_exists(settings) else None


def live_rows(
    settings: DatabaseSettings, table: str, contract: type[dy.Schema]
) -> pl.DataFrame | None:
    """The rows of a table in a contract's columns and types, None where there is no table.

    Columns of the contract that the table lacks are null.

    Raises
    ------
    ContractError
        The table holds a value that its column's type in the contract does not.
    """
    import polars as pl

    from etl.io import db_helper as db

    if live_columns(settings, table) is None:
        return None
    rows = db.read_frame(table, settings, contract=contract)
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in contract.create_empty().schema.items()
    )
