"""SQL Server's errors, from pyodbc and from mssql-python, as this package's.

pyodbc tells SQLSTATE and the server's number; mssql-python tells neither, so its standard phrase
stands for the SQLSTATE and the server's words for the number.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from etl.config import redact
from etl.errors import ConfigError, EtlError, LoadError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PHRASES", "DriverError", "driver_error", "text_error", "translate_mssql_error"]


@dataclass(frozen=True)
class DriverError:
    """What a driver says, taken apart."""

    state: str
    """SQLSTATE, or empty."""
    numbers: frozenset[int]
    """The server's message numbers."""
    text: str


@dataclass(frozen=True)
class _Rule:
    """A kind of failure: any state, number or phrase of it makes it one.

    A phrase counts only where the driver tells no number, and only as a message begins: what
    follows may quote a colleague's data.
    """

    kind: type[EtlError]
    numbers: frozenset[int] = frozenset()
    states: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    advice: str = ""

    def covers(self, error: DriverError) -> bool:
        return (
            error.state in self.states
            or not self.numbers.isdisjoint(error.numbers)
            or (
                not any(number > 0 for number in error.numbers)
                and any(re.match(phrase, error.text, re.IGNORECASE) for phrase in self.phrases)
            )
        )


# Numbers: learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
# and learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues.
# The first rule that covers an error decides.
_RULES: Final = (
    _Rule(
        ConfigError,
        numbers=frozenset({18456, 18452, 18470, 18486, 18487, 18488}),
        states=frozenset({"28000"}),
        phrases=("login failed for user",),
        advice="check its username and password",
    ),
    _Rule(
        ConfigError,
        numbers=frozenset({4060, 4064, 911, 916}),
        phrases=("cannot open (database|user default database)",),
        advice="check the database's name and the login's right to it",
    ),
    _Rule(
        ConfigError,
        phrases=(r"(ssl provider|tls|.{0,80}handshake)\b.*\b(certificate|principal name)\b",),
        advice="the server's certificate is not trusted here: have its issuer's certificate "
        "installed, or set `trustServerCertificate: yes` where the network itself is trusted",
    ),
    _Rule(
        ConfigError,
        states=frozenset({"IM002", "IM003", "IM004", "IM005"}),
        phrases=("can't open lib",),
        advice="the ODBC driver can't be loaded; run `etl check`",
    ),
    _Rule(
        ConfigError,
        states=frozenset({"IM012", "01S00"}),  # "keyword syntax error", "invalid attribute"
        advice="check the options of its connection",
    ),
    _Rule(
        TransientError,
        phrases=(
            "(tcp provider|named pipes provider|sql server network interfaces): ",
            "(login|connection) timeout expired",
            r".{0,200}\(os error (110|111|113)\)",
        ),
        advice="does the server answer at this host and port?",
    ),
    _Rule(
        TransientError,
        numbers=frozenset(
            {
                *(1204, 1205, 1222, 3960, 3966),  # locks, deadlocks, snapshot conflicts
                *(64, 233, 10053, 10054, 10060, 11001, 121, 20),  # the network
                *(40197, 40501, 40613, 49918, 49919, 49920, 4221),  # Azure: busy, moving
                *(10928, 10929, 10936, 40540, 42108, 42109, 615, 926),  # Azure: limits, waking up
                *(701, 8628, 8645, 8651, 17197, 17830, 17889, 596, 6005),  # memory, shutting down
            }
        ),
        states=frozenset({"40001", "08S01", "08001", "08003", "08007", "HYT00", "HYT01"}),
        phrases=(
            r"transaction \(process id \d+\) was deadlocked",
            "lock request time out period exceeded",
            "snapshot isolation transaction aborted",
            "the service has encountered an error processing your request",
            "the service is currently busy",
            "database '.{1,128}' on server '.{1,128}' is not currently available",
            "cannot process (create or update )?request. not enough resources",
            r"resource id ?: \d+",
            "the connection (is broken|is no longer usable)",
            r".{0,200}\(os error (32|104)\)",  # the bulk copy's network
        ),
    ),
)

#: mssql-python's phrase -> the SQLSTATE that it made it from.
PHRASES: Final[Mapping[str, str]] = {
    "Serialization failure": "40001",
    "Timeout expired": "HYT00",
    "Connection timeout expired": "HYT01",
    "Communication link failure": "08S01",
    "Client unable to establish connection": "08001",
    "Connection not open": "08003",
    "Connection failure during transaction": "08007",
    "Invalid authorization specification": "28000",
    "Data source name not found and no default driver specified": "IM002",
    "Specified driver could not be loaded": "IM003",
}

_LABELS: Final = re.compile(r"(?:^|(?<=; ))(?:\[[^\]\[]*\]\s*)+")
# A number stands at a message's end, before the ODBC function: "... (1205) (SQLExecDirectW)".
_NUMBER: Final = re.compile(r"\((-?\d+)\)(?=\s*(?:\(SQL\w+\)|;|$))")
_FUNCTION: Final = re.compile(r"\s*\(-?\d+\)(?:\s*\(SQL\w+\))?(?=;|$)|\s*\(SQL\w+\)(?=;|$)")
_BULK_NUMBER: Final = re.compile(r"Sql Error: (\d+)", re.IGNORECASE)
_SECRET: Final = re.compile(r"\b(pwd|password)\s*=\s*(?:\{(?:[^}]|\}\})*\}?|[^;]*)", re.IGNORECASE)


def driver_error(error: BaseException) -> DriverError | None:
    """What a driver's exception says; None for an exception that is no driver's.

    Parameters
    ----------
    error
        pyodbc's, mssql-python's, or SQLAlchemy's around one of them.
    """
    original: Any = getattr(error, "orig", None) or error
    # A module that was never imported can't have raised.
    pyodbc, mssql_python = sys.modules.get("pyodbc"), sys.modules.get("mssql_python")
    if pyodbc is not None and isinstance(original, pyodbc.Error):
        state, text = (*map(str, original.args), "", "")[:2]
        if not text:
            state, text = "", state
        numbers = frozenset(int(number) for number in _NUMBER.findall(text))
        return DriverError(state, numbers, _clean(text))
    if mssql_python is None:
        return None
    if isinstance(original, mssql_python.exceptions.ConnectionStringParseError):
        return DriverError("IM012", frozenset(), _clean("; ".join(original.errors)))
    if isinstance(original, mssql_python.exceptions.Exception):
        phrase = str(original.driver_error)
        said = str(original.ddbc_error or "")
        return DriverError(PHRASES.get(phrase, ""), frozenset(), _clean(said) or phrase)
    return None


def text_error(text: str) -> DriverError:
    """What the message of mssql-python's bulk copy says; its exceptions are RuntimeErrors."""
    numbers = frozenset(int(number) for number in _BULK_NUMBER.findall(text))
    return DriverError("", numbers, _clean(text))


def _clean(text: str) -> str:
    """The message alone: no driver's labels, no ODBC functions, no passwords, one line."""
    plain = _FUNCTION.sub("", _LABELS.sub("", text))
    return " ".join(_SECRET.sub(r"\1=***", plain).split())


def translate_mssql_error(
    error: BaseException | DriverError, *, secret: str | None = None
) -> EtlError | None:
    """This package's error for a driver's; None for an exception that is no driver's.

    Parameters
    ----------
    error
        The exception, or what :func:`text_error` made of a message.
    secret
        The password, to be blotted out wherever the message repeats it.

    Returns
    -------
    EtlError
        :class:`TransientError` where a later attempt can succeed, :class:`ConfigError` for
        logins, certificates and drivers, else :class:`LoadError`.

    Examples
    --------
    >>> deadlock = "Sql Error: 1205: Class 13: Transaction was deadlocked on lock resources"
    >>> type(translate_mssql_error(text_error(deadlock))).__name__
    'TransientError'
    """
    said = error if isinstance(error, DriverError) else driver_error(error)
    if said is None:
        return None
    text = said.text.rstrip(".")
    if secret:
        text = redact(text, [secret])
    for rule in _RULES:
        if rule.covers(said):
            return rule.kind(f"{text}; {rule.advice}" if rule.advice else text)
    return LoadError(text)
