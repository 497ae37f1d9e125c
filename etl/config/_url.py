"""A database URL, in SQLAlchemy's forms, taken apart without SQLAlchemy.

``${NAME}`` in a URL is put in after the URL has been taken apart and decoded, so the variable's
value is literal: a password with ``@``, ``/`` or ``%`` needs no encoding there.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args
from urllib.parse import parse_qsl, unquote

from pydantic import SecretStr

from etl.config._references import is_reference, substitute
from etl.config._settings import DatabaseSettings, Encrypt, Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["UrlError", "encrypt_value", "flag_value", "number_value", "parse_url"]

# sqlalchemy/engine/url.py, _parse_url: the same grammar, so that a URL means here what it means there.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z0-9_+.\-]+)://"
    r"(?:(?P<username>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:\[(?P<host6>[^/?\]]+)\]|(?P<host>[^/:?]+))?"
    r"(?::(?P<port>[^/?]*))?"
    r"(?:/(?P<database>[^?]*))?"
    r"(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_ALIASES: dict[str, Engine] = {"postgres": "postgresql", "sqlserver": "mssql", "mariadb": "mysql"}
_MSSQL_DRIVERS = {"mssqlpython": "mssql-python", "mssql_python": "mssql-python"}
_ENCRYPT: dict[str, Encrypt] = {
    **dict.fromkeys(("yes", "true", "mandatory", "1", "on"), "yes"),
    **dict.fromkeys(("no", "false", "optional", "0", "off"), "no"),
    "strict": "strict",
}
_FLAGS = {**dict.fromkeys(("yes", "true", "1", "on"), True), **dict.fromkeys(("no", "false", "0", "off"), False)}  # fmt: skip
_TIMEOUTS = ("connect_timeout", "connecttimeout")


class UrlError(ValueError):
    """What is wrong with a URL, in words that never quote it."""


def encrypt_value(value: object, *, what: str = "") -> Encrypt:
    """Bring the spellings of ``encrypt`` to one: YAML's booleans and ODBC's words.

    >>> encrypt_value(True), encrypt_value("Optional"), encrypt_value("strict")
    ('yes', 'no', 'strict')
    """
    known = _ENCRYPT.get(str(value).strip().lower())
    if known is None:
        raise UrlError(f"{what}must be yes, no or strict")
    return known


def flag_value(value: object, *, what: str = "") -> bool:
    """Read yes or no, as YAML and ODBC write them.

    >>> flag_value("Yes")
    True
    """
    known = _FLAGS.get(str(value).strip().lower())
    if known is None:
        raise UrlError(f"{what}must be yes or no")
    return known


def parse_url(
    url: str,
    *,
    name: str,
    directory: Path | None = None,
    variable: Callable[[str], str] | None = None,
) -> DatabaseSettings:
    """Take a URL apart; ``variable`` gives the values of ``${NAME}`` in it.

    Raises
    ------
    UrlError
        The URL can't be read; the message never quotes it.
    """
    directory = directory or Path.cwd()
    values: list[str] = []

    def hide(reference: str) -> str:
        # Private-use characters stand in for the value until the URL has been decoded.
        values.append(variable(reference) if variable else "")
        return f"\ue000{len(values) - 1}\ue001"

    def fill(text: str) -> str:
        return re.sub("\ue000(\\d+)\ue001", lambda found: values[int(found[1])], text)

    if variable is not None:
        url = variable(url.strip()[2:-1]) if is_reference(url) else substitute(url, hide)
    match = _URL.fullmatch(url.strip())
    if match is None:
        raise UrlError(
            "not a database URL: write engine://user:password@host:port/database, with special "
            "characters in user and password percent-encoded (@ is %40)"
        )
    engine, driver = _engine(match["scheme"])
    parts = {key: fill(unquote(part)) for key, part in match.groupdict("").items()}
    query = _query(match["query"] or "", fill)
    if engine in ("sqlite", "duckdb"):
        if parts["host"] or parts["host6"] or parts["username"]:
            raise UrlError(
                f"a file's URL has three slashes: {engine}:///folder/file.db (four before an "
                "absolute path)"
            )
        path = _file(parts["database"], directory)
        return DatabaseSettings(
            name=name, engine=engine, database=path, options=MappingProxyType(query)
        )
    return _server(name, engine, driver, parts, query, has_password=match["password"] is not None)


def _server(
    name: str,
    engine: Engine,
    driver: str | None,
    parts: Mapping[str, str],
    query: dict[str, str],
    *,
    has_password: bool,
) -> DatabaseSettings:
    host = parts["host"] or parts["host6"] or None
    if not parts["database"]:
        raise UrlError("the URL names no database: end it with /database")
    if not host and engine == "mssql":
        raise UrlError("the URL names no host")
    known = _known_options(engine, query, driver)
    if engine == "mssql":
        # Microsoft Entra's methods may need no login; everything else must say how it logs in.
        entra = any(key.lower() == "authentication" for key in query)
        login = parts["username"] and has_password
        if not (login or entra or known.get("trusted_connection")):
            raise UrlError(
                "SQL Server needs user:password@ before the host, or trusted_connection=yes"
            )
    return DatabaseSettings(
        name=name,
        engine=engine,
        database=parts["database"],
        host=host,
        port=_port(parts["port"]),
        username=parts["username"] or None,
        password=SecretStr(parts["password"]) if has_password else None,
        options=MappingProxyType(query),
        **known,  # type: ignore[arg-type]
    )


def _engine(scheme: str) -> tuple[Engine, str | None]:
    name, _, driver = scheme.lower().partition("+")
    engines: tuple[Engine, ...] = get_args(Engine)
    if name in _ALIASES:
        return _ALIASES[name], driver or None
    for engine in engines:
        if name == engine:
            return engine, driver or None
    close = difflib.get_close_matches(name, [*engines, *_ALIASES], n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(engines)}"
    # The scheme is what stands before "://"; a password can't be there.
    raise UrlError(f"unknown engine {name!r}; {hint}")


def _query(text: str, fill: Callable[[str], str]) -> dict[str, str]:
    query: dict[str, str] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        if key in query:
            raise UrlError(f"the option {key!r} is given twice")
        query[key] = fill(value)
    return query


def _known_options(engine: Engine, query: dict[str, str], driver: str | None) -> dict[str, object]:
    """Take the options that have a field of their own out of ``query``."""
    known: dict[str, object] = {}
    if driver:
        known["driver"] = _MSSQL_DRIVERS.get(driver, driver) if engine == "mssql" else driver
    for key in list(query):
        word = key.lower()
        if word in _TIMEOUTS:
            known["connect_timeout"] = number_value(query.pop(key), 1, 3600, f"{key} ")
        elif engine != "mssql":
            continue
        elif word == "driver":
            known["driver"] = query.pop(key).strip().removeprefix("{").removesuffix("}")
        elif word == "encrypt":
            known["encrypt"] = encrypt_value(query.pop(key), what=f"{key} ")
        elif word in ("trustservercertificate", "trust_server_certificate"):
            known["trust_server_certificate"] = flag_value(query.pop(key), what=f"{key} ")
        elif word in ("trusted_connection", "trustedconnection"):
            known["trusted_connection"] = flag_value(query.pop(key), what=f"{key} ")
    return known


def _file(path: str, directory: Path) -> str:
    if path in ("", ":memory:"):
        return ":memory:"
    if path.startswith("file:"):
        raise UrlError("file: URIs are not supported; write the path itself")
    return str((directory / path).absolute())


def _port(text: str) -> int | None:
    return number_value(text, 1, 65535, "the port ") if text else None


def number_value(value: object, low: int, high: int, what: str = "") -> int:
    """Read a whole number, also one in quotes.

    >>> number_value("1433", 1, 65535)
    1433
    """
    text = "" if isinstance(value, bool) else str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise UrlError(f"{what}must be a whole number from {low} to {high}")
    return int(text)
