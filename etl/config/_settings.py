"""What the rest of the package is told about a database or an API: plain, frozen, no secrets shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from etl.errors import ConfigError
from etl.markup import facts, section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import SecretStr

__all__ = [
    "BoardSettings",
    "DatabaseSettings",
    "Encrypt",
    "Engine",
    "FlowSettings",
    "FrameEngine",
    "KestraSettings",
    "MondaySettings",
    "RetrySettings",
    "SampleType",
    "SparkSettings",
]

Engine = Literal["sqlite", "postgresql", "mssql", "duckdb", "mysql"]
Encrypt = Literal["yes", "no", "strict"]
FrameEngine = Literal["polars", "polars-lazy", "pandas", "pyarrow", "duckdb", "spark"]
"""What transforms run on."""
SampleType = Literal[
    "text", "long_text", "numbers", "status", "dropdown", "date", "timeline", "checkbox",
    "rating", "hour", "people", "email", "phone", "link", "country", "week", "board_relation",
]  # fmt: skip
"""The column types that a sample board can have: those that can be written."""


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """How one database is reached.

    ``database`` is an absolute path or ``":memory:"`` where the engine keeps a file.
    ``driver`` is ``"pyodbc"``, ``"mssql-python"``, an ODBC driver's name, or None (find one).
    ``options`` are the other parts of a URL's query, by name, as the driver spells them.
    ``connect_timeout`` is in seconds.
    """

    name: str
    engine: Engine
    database: str
    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: SecretStr | None = None
    driver: str | None = None
    encrypt: Encrypt = "yes"
    trust_server_certificate: bool = False
    trusted_connection: bool = False
    # Drivers have options of their own for secrets (sslpassword): never shown.
    options: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    connect_timeout: int = 15

    @classmethod
    def from_url(
        cls, url: str, *, name: str = "", directory: Path | None = None
    ) -> DatabaseSettings:
        """Read a database URL, in SQLAlchemy's forms.

        Parameters
        ----------
        url
            ``sqlite:///data/orders.db`` (relative), ``sqlite:////data/orders.db`` (absolute),
            ``sqlite://`` (memory), ``duckdb:///...``, ``postgresql://user:pw@host/db``,
            ``mssql://user:pw@host:1433/db?encrypt=yes&driver=mssql-python``. User, password and
            database are percent-decoded.
        name
            What messages call the database; without one, where it is.
        directory
            Relative paths start here; by default the current directory.

        Raises
        ------
        ConfigError
            The URL can't be read. The message never holds the URL.

        Examples
        --------
        >>> settings = DatabaseSettings.from_url("mssql://sa:p%40ss@db.example:1444/sales")
        >>> settings.where, settings.encrypt
        ('mssql://db.example:1444/sales', 'yes')
        >>> settings.password
        SecretStr('**********')
        """
        from etl.config._url import UrlError, parse_url

        try:
            return parse_url(url, name=name, directory=directory)
        except UrlError as error:
            label = f"database {name!r}" if name else "the database URL"
            raise ConfigError(f"{label}: {error}", database=name or None) from None

    @property
    def embedded(self) -> bool:
        """Whether the database is this machine's own file or memory, and no server's.

        >>> DatabaseSettings.from_url("duckdb:///data/lake.duckdb").embedded
        True
        """
        return self.engine in ("sqlite", "duckdb")

    @property
    def where(self) -> str:
        """The database's address without user and password, for messages."""
        if self.host is None and self.embedded:
            return self.database if self.database != ":memory:" else f"{self.engine} in memory"
        port = f":{self.port}" if self.port else ""
        return f"{self.engine}://{self.host or ''}{port}/{self.database}"

    def _repr_html_(self) -> str:
        server = not self.embedded
        return section(
            f"database {self.name}".strip(),
            facts(
                [
                    ("engine", self.engine),
                    ("where", self.where),
                    ("user", self.username),
                    ("password", ("set" if self.password else "none") if server else None),
                    ("driver", self.driver),
                    ("encrypt", self.encrypt if self.engine == "mssql" else None),
                ]
            ),
        )


@dataclass(frozen=True, kw_only=True)
class BoardSettings:
    """A monday board: its id, and its column ids where they differ from the contract's."""

    id: str
    key: str | None = None
    """The id of the text column that holds each item's key; None for a board that is only read."""
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    """This board's column id -> the contract's column id or name."""
    sample: Mapping[str, SampleType] = field(default_factory=dict, hash=False)
    """Column id -> type of the sample board that can be written; empty for the generated one."""
    subitems: BoardSettings | None = None
    """The board that holds this board's subitems."""


@dataclass(frozen=True, kw_only=True)
class MondaySettings:
    """How monday.com is reached, or that the sample board stands in for it."""

    url: str
    token: SecretStr | None
    sample: bool
    """Read the sample board: the configuration allows it and there is no token."""
    sample_rows: int
    api_version: str
    timeout: float
    """Seconds that one request may take."""
    sample_file: Path | None = None
    """Where the sample boards that can be written are kept: an absolute path."""
    boards: Mapping[str, BoardSettings] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class RetrySettings:
    """How often a failed task is tried in all, and how long it waits (ISO 8601 durations)."""

    attempts: int
    interval: str
    max_interval: str


@dataclass(frozen=True, kw_only=True)
class FlowSettings:
    """What config.yaml says about one job's flow in Kestra."""

    namespace: str
    runner: Literal["docker", "process"]
    image: str
    before_commands: tuple[str, ...]
    extras: tuple[str, ...]
    """Of the package, besides those that the databases' engines need."""
    schedule: str | None
    own_schedule: bool
    """The job's own schedule holds: config.yaml says nothing about it."""
    timezone: str
    timeout: str
    retry: RetrySettings
    labels: Mapping[str, str] = field(hash=False)
    alert_webhook_secret: str | None
    enabled: bool


@dataclass(frozen=True, kw_only=True)
class KestraSettings:
    """How a Kestra server is reached; without a login, as one that asks for none."""

    url: str
    tenant: str
    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None


@dataclass(frozen=True, kw_only=True)
class SparkSettings:
    """Where Spark is: a Connect server, else a master."""

    master: str = "local[*]"
    # It may hold a token: never shown.
    remote: str | None = field(default=None, repr=False)
    config: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """Spark's own settings, for a session that is started."""
