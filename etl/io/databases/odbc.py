"""Microsoft's ODBC driver for SQL Server: find it, and write connection strings for it."""

from __future__ import annotations

import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from etl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from etl.config import DatabaseSettings

__all__ = [
    "connection_string",
    "escape",
    "find_driver",
    "import_pyodbc",
    "join_parts",
    "login_parts",
    "newest_driver",
    "shipped_driver",
    "unloadable",
]

_MICROSOFT: Final = re.compile(r"ODBC Driver (\d+)(?:\.(\d+))? for SQL Server", re.IGNORECASE)
# What needs no braces. Microsoft lists []{}(),;?*=!@ and blanks as special in a value
# (learn.microsoft.com/sql/odbc/reference/syntax/sqldriverconnect-function); "," and ":" are
# part of a server's address.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.,:\\/-]+")
_KEYWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")
# Keywords that the settings give; as an option, one of them would be sent twice.
_TAKEN: Final = frozenset(
    {
        "addr",
        "address",
        "database",
        "driver",
        "dsn",
        "encrypt",
        "filedsn",
        "password",
        "pwd",
        "server",
        "trusted_connection",
        "trustservercertificate",
        "uid",
        "user",
    }
)
# A missing shared object -> its package on Debian and Ubuntu, and on Red Hat and SUSE.
_PACKAGES: Final = (
    ("libltdl", "libltdl7", "libtool-ltdl"),
    ("libkrb5", "libkrb5-3", "krb5-libs"),
    ("libgssapi", "libgssapi-krb5-2", "krb5-libs"),
    ("libodbcinst", "unixodbc", "unixODBC"),
    ("libodbc", "unixodbc", "unixODBC"),
    ("libssl", "openssl", "openssl"),
)
_INSTALL: Final = {
    "linux": "pip install mssql-python-odbc, or install Microsoft's msodbcsql18 "
    "(learn.microsoft.com/sql/connect/odbc/linux-mac)",
    "darwin": "pip install mssql-python-odbc, or brew install msodbcsql18 from Microsoft's tap "
    "(learn.microsoft.com/sql/connect/odbc/linux-mac)",
    "win32": "install 'ODBC Driver 18 for SQL Server' (winget install Microsoft.msodbcsql.18), "
    "or set driver: mssql-python, which brings its own",
}


def import_pyodbc() -> Any:
    """Import pyodbc.

    Raises
    ------
    ConfigError
        pyodbc is missing, or the system's ODBC manager that it needs; says how to get it.
    """
    try:
        import pyodbc
    except ModuleNotFoundError as error:
        raise ConfigError("pyodbc is not installed: pip install pyodbc") from error
    except ImportError as error:
        raise ConfigError(unloadable("pyodbc", str(error))) from error
    return pyodbc


def find_driver(preferred: str | None = None) -> str:
    """The ODBC driver to use: a registered driver's name, or a path to a driver's file.

    Parameters
    ----------
    preferred
        A driver's name, or a path to its file. None takes the newest "ODBC Driver NN for SQL
        Server" that is installed, else the one in the ``mssql-python-odbc`` package.

    Raises
    ------
    ConfigError
        There is none, or it can't be loaded; says what to install.
    """
    installed: list[str] = list(import_pyodbc().drivers())
    if preferred is not None:
        by_name = {name.casefold(): name for name in installed}
        if preferred.casefold() in by_name:
            return by_name[preferred.casefold()]
        if Path(preferred).is_file():
            _check_loadable(preferred)
            return preferred
        known = ", ".join(sorted(installed)) or "none"
        raise ConfigError(
            f"the ODBC driver {preferred!r} is not installed (installed: {known}); "
            "leave `driver` out to have one found"
        )
    newest = newest_driver(installed)
    if newest is not None:
        return newest
    shipped = shipped_driver()
    if shipped is None:
        advice = _INSTALL.get(sys.platform, _INSTALL["linux"])
        raise ConfigError(f"no ODBC driver for SQL Server is installed: {advice}")
    _check_loadable(shipped)
    return shipped


def newest_driver(names: Iterable[str]) -> str | None:
    """The newest of Microsoft's drivers, by number.

    >>> newest_driver(["ODBC Driver 9 for SQL Server", "ODBC Driver 18 for SQL Server", "SQLite3"])
    'ODBC Driver 18 for SQL Server'
    >>> newest_driver(["FreeTDS", "SQL Server"]) is None
    True
    """
    found = [(match, name) for name in names if (match := _MICROSOFT.fullmatch(name.strip()))]
    if not found:
        return None
    return max(found, key=lambda pair: (int(pair[0][1]), int(pair[0][2] or 0)))[1]


def shipped_driver() -> str | None:
    """The path of the driver that the ``mssql-python-odbc`` package brings, if it is installed.

    Windows' ODBC manager takes registered names only, so there is none for it.
    """
    if sys.platform == "win32":
        return None
    try:
        import mssql_python_odbc
    except ImportError:
        return None
    libraries = Path(mssql_python_odbc.get_libs_dir())
    machine = platform.machine().lower()
    machines = {"x86_64", "amd64"} if machine in {"x86_64", "amd64"} else {"arm64", "aarch64"}
    found = sorted(
        path
        for path in libraries.rglob("libmsodbcsql*")
        if machines & set(path.parts) and path.is_file()
    )
    family = _linux_family()
    ours = [path for path in found if family in path.parts] or found
    return str(ours[-1]) if ours else None


def _linux_family() -> str:
    """The package's folder for this system; they differ in which libraries they link to."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "macos" if sys.platform == "darwin" else "debian_ubuntu"
    like = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
    for names, folder in (
        ({"alpine"}, "alpine"),
        ({"suse", "sles", "opensuse"}, "suse"),
        ({"rhel", "fedora", "centos"}, "rhel"),
    ):
        if names & set(like):
            return folder
    return "debian_ubuntu"


def _check_loadable(path: str) -> None:
    """Load a driver as the ODBC manager would: it says "file not found" of what is missing."""
    import ctypes

    try:
        ctypes.CDLL(path)
    except OSError as error:
        name = Path(path).name
        raise ConfigError(unloadable(f"the ODBC driver {name}", str(error))) from error


def unloadable(what: str, reason: str) -> str:
    """Say which system package brings a shared object that can't be opened.

    >>> unloadable("the driver", "libltdl.so.7: cannot open shared object file")
    "the driver can't be loaded (libltdl.so.7: cannot open shared object file): ..."
    """
    for part, debian, redhat in _PACKAGES:
        if part in reason:
            if sys.platform == "darwin":
                return f"{what} can't be loaded ({reason}): brew install unixodbc krb5 libtool"
            return (
                f"{what} can't be loaded ({reason}): apt install {debian} "
                f"(Debian, Ubuntu) or dnf install {redhat} (Red Hat, Fedora)"
            )
    return f"{what} can't be loaded: {reason}"


def escape(value: str) -> str:
    """A value as it stands in an ODBC connection string: in braces, with ``}`` doubled.

    The rule is MS-ODBCSTR's (learn.microsoft.com/openspecs/sql_server_protocols/ms-odbcstr).

    Raises
    ------
    ConfigError
        The value holds a NUL, where the string would end.

    Examples
    --------
    >>> escape("db.example,1433"), escape("p;w}d")
    ('db.example,1433', '{p;w}}d}')
    """
    if "\0" in value:
        raise ConfigError("a value of the connection holds a NUL character")
    return value if _PLAIN.fullmatch(value) else "{" + value.replace("}", "}}") + "}"


def connection_string(settings: DatabaseSettings, driver: str) -> str:
    """The connection string for pyodbc. It holds the password: never log it, never raise it.

    Parameters
    ----------
    settings
        Where and how to log in.
    driver
        From :func:`find_driver`.

    Raises
    ------
    ConfigError
        An option is malformed, or repeats what the settings say.

    Examples
    --------
    >>> from etl.config import DatabaseSettings
    >>> settings = DatabaseSettings.from_url("mssql://etl:p%3Bw@db.example:1433/sales")
    >>> connection_string(settings, "ODBC Driver 18 for SQL Server")
    'DRIVER={ODBC Driver 18 for SQL Server};SERVER=db.example,1433;DATABASE=sales;UID=etl;PWD={p;w};Encrypt=yes;TrustServerCertificate=no;APP=etl'
    """
    parts = [("DRIVER", driver), *login_parts(settings)]
    if not any(key.casefold() == "app" for key, _ in parts):
        parts.append(("APP", "etl"))
    return join_parts(parts)


def join_parts(parts: Iterable[tuple[str, str]]) -> str:
    """Keyword-value pairs as one string; an empty value means no keyword."""
    return ";".join(f"{key}={escape(value)}" for key, value in parts if value)


def login_parts(settings: DatabaseSettings) -> Iterator[tuple[str, str]]:
    """What both drivers are told: server, database, login, encryption, other options."""
    if not settings.host:
        raise ConfigError(f"database {settings.name!r}: `host` is missing", database=settings.name)
    # The port decides over the name of an instance; without one the server's browser is asked.
    yield "SERVER", f"{settings.host},{settings.port}" if settings.port else settings.host
    yield "DATABASE", settings.database
    if settings.trusted_connection:
        yield "Trusted_Connection", "yes"
    else:
        yield "UID", settings.username or ""
        yield "PWD", settings.password.get_secret_value() if settings.password else ""
    yield "Encrypt", settings.encrypt
    yield "TrustServerCertificate", "yes" if settings.trust_server_certificate else "no"
    for key, value in settings.options.items():
        if not _KEYWORD.fullmatch(key):
            raise ConfigError(f"database {settings.name!r}: {key!r} is no connection keyword")
        if key.casefold().replace(" ", "") in _TAKEN:
            raise ConfigError(
                f"database {settings.name!r}: the option {key!r} repeats a setting; set that"
            )
        yield key, value
