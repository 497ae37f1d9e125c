"""What config.yaml may hold, as pydantic models; the editor's JSON schema is made from them too.

A file is checked twice: as it is written, where ``${NAME}`` may stand for anything (the validation
context is then ``UNRESOLVED``), and entry by entry when one is asked for, with the values in.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from etl.config._entry import Entry, Text
from etl.config._kestra import KestraEntry  # noqa: TC001 - pydantic reads the annotation
from etl.config._references import is_reference
from etl.config._settings import Encrypt, FrameEngine, SampleType
from etl.config._spark import SparkEntry  # noqa: TC001 - pydantic reads the annotation
from etl.config._url import encrypt_value, flag_value, number_value, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SERVER_ONLY", "UNRESOLVED", "ConfigFile", "MondayEntry", "ServerEntry", "UrlEntry"]

UNRESOLVED = {"unresolved": True}
_REFERENCE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}


def _keep_reference(
    value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> Any:
    if info.context and isinstance(value, str) and "${" in value:
        return value
    return handler(value)


def _or_reference(schema: dict[str, Any]) -> tuple[WrapValidator, WithJsonSchema]:
    return WrapValidator(_keep_reference), WithJsonSchema({"anyOf": [schema, _REFERENCE]})


def _number(low: int, high: int) -> BeforeValidator:
    return BeforeValidator(lambda value: number_value(value, low, high))


def _integer(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def _id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _digits(value: str, info: ValidationInfo) -> str:
    if info.context and "${" in value:
        return value
    if not re.fullmatch(r"[0-9]{1,20}", value):
        raise ValueError("must be the board's number, from its address in the browser")
    return value


def _http(value: str, info: ValidationInfo) -> str:
    if not (info.context and "${" in value) and not re.match(r"https?://[^/\s]+", value):
        raise ValueError("must begin with https:// or http:// and name a host")
    return value


def _database_url(value: str, info: ValidationInfo) -> str:
    if info.context and not is_reference(value):
        # Any value would do in a reference's place; "1" is one that a port accepts too.
        parse_url(value, name="", variable=lambda _: "1")
    return value


Port = Annotated[int, _number(1, 65535), *_or_reference(_integer(1, 65535))]
Seconds = Annotated[int, _number(1, 3600), *_or_reference(_integer(1, 3600))]
Flag = Annotated[
    bool,
    BeforeValidator(flag_value),
    *_or_reference({"enum": [True, False, "yes", "no", "true", "false"]}),
]
Encryption = Annotated[
    Encrypt,
    BeforeValidator(encrypt_value),
    *_or_reference(
        {"enum": [True, False, "yes", "no", "true", "false", "strict", "mandatory", "optional"]}
    ),
]
# Text in the schema and not pydantic's "password" format: editors would refuse to show it.
Secret = Annotated[SecretStr, WithJsonSchema({"type": "string"})]


class UrlEntry(Entry):
    """A database by its URL."""

    url: Annotated[Text, AfterValidator(_database_url)] = Field(
        description="sqlite:///data/orders.db, duckdb:///..., postgresql://user:${PW}@host/db, "
        "mssql://user:${PW}@host:1433/db?encrypt=yes; a relative path starts at this file's folder"
    )
    connect_timeout: Seconds | None = Field(None, description="seconds; 15 by default")


class ServerEntry(Entry):
    """A database on SQL Server."""

    host: Text = Field(description="the server's name or address, `host\\instance` too")
    port: Port | None = Field(None, description="1433 by default")
    database: Text = Field(description="the database's name on the server")
    username: Text | None = None
    password: Secret | None = Field(None, description="${NAME} of an environment variable")
    encrypt: Encryption | None = Field(None, description="yes (default), no or strict")
    trust_server_certificate: Flag | None = Field(
        None, alias="trustServerCertificate", description="no by default: certificates are checked"
    )
    trusted_connection: Flag | None = Field(None, description="log in as the Windows user")
    driver: Text | None = Field(
        None, description="pyodbc, mssql-python or an ODBC driver's name; found when left out"
    )
    connect_timeout: Seconds | None = Field(None, description="seconds; 15 by default")

    @model_validator(mode="after")
    def _login(self) -> ServerEntry:
        if not self.trusted_connection and (self.username is None or self.password is None):
            raise ValueError("needs username and password, or trusted_connection: yes")
        return self


# What tells a server's entry from a URL's: connect_timeout belongs to both.
SERVER_ONLY = frozenset(
    field.alias or name for name, field in ServerEntry.model_fields.items()
) - frozenset(UrlEntry.model_fields)


def form(entry: object) -> Literal["#url", "#server"] | None:
    """Which of the two forms a database's entry has; a misspelt ``url`` still counts as one.

    >>> form({"url": "x"}), form({"ulr": "x"}), form({"port": 1}), form("x")
    ('#url', '#url', '#server', None)
    """
    if not isinstance(entry, dict):
        return None
    if "url" in entry:
        return "#url"
    known = any(key in SERVER_ONLY for key in entry)
    close = any(difflib.get_close_matches(str(key), ["url", *SERVER_ONLY], n=1) == ["url"] for key in entry)  # fmt: skip
    return "#url" if close and not known else "#server"


_form: Callable[[Any], Any] = form
DatabaseEntry = Annotated[
    Annotated[UrlEntry, Tag("#url")] | Annotated[ServerEntry, Tag("#server")],
    Discriminator(_form),
]


BoardId = Annotated[
    str,
    BeforeValidator(_id),
    AfterValidator(_digits),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
]


class _BoardEntry(Entry):
    id: BoardId = Field(description="the number in the board's address")
    key: Text | None = Field(
        None, description="the id of the text column that holds each item's key; writing needs it"
    )
    columns: dict[str, Text] = Field(
        default_factory=dict,
        description="this board's column id -> the contract's, where they differ",
    )
    sample: dict[str, SampleType] = Field(
        default_factory=dict,
        description="column id -> type: on the sample, a board that can be written has these columns",
    )


class SubitemsEntry(_BoardEntry):
    """The board that holds a board's subitems."""


class BoardEntry(_BoardEntry):
    """A monday board."""

    subitems: SubitemsEntry | None = Field(None, description="the board of this board's subitems")


class MondayEntry(Entry):
    """The monday.com API."""

    url: Annotated[Text, AfterValidator(_http)] = "https://api.monday.com/v2"
    token: Secret | None = Field(SecretStr("${MONDAY_API_TOKEN}"), description="${NAME}")
    sample: Annotated[
        Flag, Field(description="without a token, read a generated sample board instead")
    ] = False
    sample_rows: Annotated[int, _number(0, 100_000_000), *_or_reference(_integer(0, 100_000_000))]= Field(
        500, description="items on the sample board"
    )  # fmt: skip
    sample_file: Text = Field(
        "data/sample_board.db",
        description="where the sample boards that can be written are kept; a relative path starts "
        "at this file's folder",
    )
    api_version: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}|dev|.*\$\{.*)$")] = "2026-10"
    timeout: Annotated[
        float, Field(gt=0, le=3600), *_or_reference({"type": "number", "exclusiveMinimum": 0})
    ] = Field(60.0, description="seconds that one request may take")
    boards: dict[str, BoardEntry] = Field(default_factory=dict, description="name -> board")


class Apis(Entry):
    """Web APIs."""

    monday: MondayEntry | None = None


class ConfigFile(Entry):
    """config.yaml without its profiles: what they are laid over."""

    databases: dict[str, DatabaseEntry] = Field(description="name -> how it is reached")
    apis: Apis = Field(default_factory=Apis)
    engine: FrameEngine = Field(
        "polars", description="what transforms run on; `etl run --engine` goes before it"
    )
    spark: SparkEntry | None = Field(None, description="where Spark is, for the engine spark")
    kestra: KestraEntry | None = Field(None, description="flows, and where they are deployed to")
