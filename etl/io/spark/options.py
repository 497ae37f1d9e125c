"""The options of ``spark.read.format("etl")`` and ``df.write.format("etl")``.

They stand in Spark's plans and logs, so no secret is one of them: they name a database of
``config.yaml``, which each machine reads for itself.
"""

from __future__ import annotations

import importlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from etl.config import get_config, load_config
from etl.errors import ConfigError, ContractError, EtlError
from etl.io.databases import open_database
from etl.io.names import did_you_mean
from etl.io.options import WriteOptions
from etl.io.scanning import SCAN_ROWS
from etl.io.sql import is_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import dataframely as dy

    from etl.io.databases.base import Database
    from etl.io.options import Mode, OnNewColumns, OnPrecisionLoss

__all__ = ["READ_OPTIONS", "WRITE_OPTIONS", "At", "ReadRequest", "WriteRequest", "told"]

_AT: Final = ("database", "config", "profile")
READ_OPTIONS: Final = (
    *_AT,
    "table",
    "query",
    "partition_on",
    "partitions",
    "contract",
    "batch_rows",
)
WRITE_OPTIONS: Final = (
    *_AT, "table", "mode", "key", "contract", "create", "allow_empty", "on_new_columns",
    "on_precision_loss", "loader", "batch_rows", "job", "run_id",
)  # fmt: skip
_PARTITIONS: Final = 8


@dataclass(frozen=True, kw_only=True)
class At:
    """A database, by its name in the configuration of whichever machine opens it."""

    database: str
    config: str | None = None
    profile: str | None = None

    @contextmanager
    def opened(self) -> Iterator[Database]:
        """Open it for a task, and close its connections afterwards: executors are many."""
        config = (
            load_config(self.config, self.profile) if self.config or self.profile else get_config()
        )
        database = open_database(config.database(self.database))
        if getattr(database, "in_memory", False):
            raise ContractError(
                f"{database.label} is in the memory of one process, and Spark has several: "
                "give it a file"
            )
        try:
            with told(config.redact):
                yield database
        finally:
            database.close()


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """What is to be read."""

    at: At
    source: str
    partition_on: str | None
    partitions: int
    contract: type[dy.Schema] | None
    batch_rows: int

    @classmethod
    def of(cls, options: Mapping[str, str]) -> ReadRequest:
        """Read the options.

        Raises
        ------
        ContractError
            One is unknown, missing, or has a value that there is not.
        """
        given = _known(options, READ_OPTIONS, "reading")
        table, query = given.get("table"), given.get("query")
        if (table is None) == (query is None):
            raise ContractError("reading needs one of the options table and query")
        if query is not None and not (is_query(query) or query.strip().lower().endswith(".sql")):
            raise ContractError(
                "the option query is a select, or a file ending in .sql; a table goes by table"
            )
        return cls(
            at=_at(given),
            source=str(query if table is None else table),
            partition_on=given.get("partition_on"),
            partitions=_number(given, "partitions", _PARTITIONS),
            contract=_contract(given),
            batch_rows=_number(given, "batch_rows", SCAN_ROWS),
        )


@dataclass(frozen=True, kw_only=True)
class WriteRequest:
    """Where rows are to be written, and how."""

    at: At
    table: str
    options: WriteOptions
    batch_rows: int
    """Rows that a task sends at a time; Spark's batches are of 10,000 at most."""
    job: str
    """Under whose name rows are set aside."""
    run_id: str | None

    @classmethod
    def of(cls, options: Mapping[str, str], *, overwrite: bool) -> WriteRequest:
        """Read the options; ``overwrite`` is Spark's own mode, which says ``replace``.

        Raises
        ------
        ContractError
            One is unknown, missing, or has a value that there is not.
        """
        given = _known(options, WRITE_OPTIONS, "writing")
        if "table" not in given:
            raise ContractError("writing needs the option table")
        mode = given.get("mode", "replace" if overwrite else "append")
        if overwrite and mode not in ("replace", "sync"):
            raise ContractError(
                f"Spark's mode 'overwrite' is replace or sync, and not {mode}: write with "
                f".mode('append').option('mode', '{mode}')"
            )
        return cls(
            at=_at(given),
            table=given["table"],
            options=WriteOptions(
                # WriteOptions checks what these are.
                mode=cast("Mode", mode),
                key=_names(given.get("key")),
                contract=_contract(given),
                create="auto" if given.get("create", "auto") == "auto" else _flag(given, "create"),
                allow_empty=_flag(given, "allow_empty"),
                on_new_columns=cast("OnNewColumns", _new_columns(given)),
                on_precision_loss=cast("OnPrecisionLoss", given.get("on_precision_loss", "error")),
                loader=given.get("loader"),
            ),
            batch_rows=_number(given, "batch_rows", SCAN_ROWS),
            job=given.get("job", "spark"),
            run_id=given.get("run_id"),
        )


@contextmanager
def told(redact: Any = str) -> Iterator[None]:
    """Give Spark our errors alone: it would print a driver's own, and all that led to it."""
    try:
        yield
    except EtlError as error:
        raise type(error)(redact(str(error))) from None


def _known(options: Mapping[str, str], known: tuple[str, ...], verb: str) -> dict[str, str]:
    given = {name.lower(): value for name, value in options.items()}
    for name in given:
        if name not in known:
            raise ContractError(
                f"{verb} has no option {name!r}: there are {', '.join(known)}"
                + did_you_mean(name, known)
            )
    if "database" not in given:
        raise ContractError(f"{verb} needs the option database, a name in config.yaml")
    return given


def _at(given: Mapping[str, str]) -> At:
    if "://" in given["database"]:
        raise ConfigError(
            "the option database is a name in config.yaml and no URL: Spark shows options in its "
            "plans and logs, passwords included"
        )
    return At(database=given["database"], config=given.get("config"), profile=given.get("profile"))


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ContractError(f"the option {name} is a whole number from 1, and not {text!r}")
    return int(text)


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ContractError(f"the option {name} is true or false, and not {text!r}")
    return text == "true"


def _names(text: str | None) -> list[str] | None:
    """Names with commas between; as JSON where a name has a comma.

    >>> _names("item_id, size"), _names('["a,b"]'), _names(None)
    (['item_id', 'size'], ['a,b'], None)
    """
    if text is None:
        return None
    if text.lstrip().startswith("["):
        try:
            return [str(name) for name in json.loads(text)]
        except ValueError as error:
            raise ContractError(f"the option key is no JSON list: {error}") from None
    return [name.strip() for name in text.split(",")]


def _new_columns(given: Mapping[str, str]) -> str:
    choice = given.get("on_new_columns", "error")
    if choice == "add":
        raise ContractError("a Spark write adds no columns: add them to the table first, or ignore")
    return choice


def _contract(given: Mapping[str, str]) -> type[dy.Schema] | None:
    """A contract by ``module:Class``.

    >>> _contract({"contract": "etl.contracts.board_groups:BoardGroups"}).__name__
    'BoardGroups'
    >>> _contract({"contract": "BoardGroups"})
    Traceback (most recent call last):
    etl.errors.ContractError: the option contract is 'module:Class', and not 'BoardGroups'
    """
    import dataframely as dy

    text = given.get("contract")
    if text is None:
        return None
    module, _, name = text.partition(":")
    if not (module and name):
        raise ContractError(f"the option contract is 'module:Class', and not {text!r}")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ContractError(f"there is no contract {text}: {error}") from None
    if not (isinstance(found, type) and issubclass(found, dy.Schema)):
        raise ContractError(f"{text} is no contract: a dataframely Schema is")
    return found
