"""The exceptions of this package; every one says what, where and what to do next.

::

    EtlError
    ├── ConfigError      config.yaml, the environment, a missing package or driver
    ├── SourceError      a source could not be read, or not completely
    ├── ContractError    the data's fault: a value, a column, a key
    └── LoadError        the database's fault, while reading or writing it
        └── TransientError   the same call can succeed later: a deadlock, a lost connection
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "ContractError",
    "EtlError",
    "LoadError",
    "SourceError",
    "TransientError",
]


class EtlError(Exception):
    """What every error of this package is.

    ``database``, ``table`` and ``job`` say what it was about, where that is known.

    >>> raise EtlError("the table is gone", table="dbo.orders")
    Traceback (most recent call last):
    etl.errors.EtlError: the table is gone
    """

    def __init__(
        self,
        message: str,
        *,
        database: str | None = None,
        table: str | None = None,
        job: str | None = None,
    ) -> None:
        super().__init__(message)
        self.database = database
        self.table = table
        self.job = job


class ConfigError(EtlError):
    """The configuration or the machine's set-up is at fault; ``problems`` has a line for each.

    >>> ConfigError.of(["databases.orders.port: not a number", "profiles: not a mapping"]).problems
    ('databases.orders.port: not a number', 'profiles: not a mapping')
    """

    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, problems: list[str]) -> ConfigError:
        """One error for many problems, a line each."""
        error = cls("\n".join(problems))
        error.problems = tuple(problems)
        return error


class SourceError(EtlError):
    """A source could not be read, or not completely; nothing was written."""


class ContractError(EtlError):
    """The data does not fit: a value, a column or a key breaks the contract or the table's types."""


class LoadError(EtlError):
    """The database refused or failed; the table is as it was before."""


class TransientError(LoadError):
    """The database failed in a way that a later attempt can survive."""
