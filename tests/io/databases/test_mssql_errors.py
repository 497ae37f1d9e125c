"""Drivers' errors: which are worth a retry, which are the set-up's, and none with a password."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import sqlalchemy as sa

from etl.errors import ConfigError, EtlError, LoadError, TransientError
from etl.io.databases.mssql_errors import PHRASES, text_error, translate_mssql_error
from tests.requires import require, required_module

pyodbc = required_module("pyodbc", "unixODBC (apt install unixodbc)")

LABEL = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
DEADLOCK = (
    "Transaction (Process ID 53) was deadlocked on lock resources with another process and has "
    "been chosen as the deadlock victim. Rerun the transaction."
)


def by_pyodbc(state: str, text: str, number: int) -> pyodbc.Error:
    """As pyodbc 5.5 with Microsoft's driver 18.6 raises it."""
    return pyodbc.Error(state, f"[{state}] {LABEL}{text} ({number}) (SQLExecDirectW)")


@pytest.mark.parametrize(
    ("state", "text", "number", "kind"),
    [
        ("40001", DEADLOCK, 1205, TransientError),
        ("HYT00", "Lock request time out period exceeded.", 1222, TransientError),
        ("42000", "The service has encountered an error processing it.", 40197, TransientError),
        ("42000", "The service is currently busy.", 40501, TransientError),
        ("42000", "Database 'x' on server 'y' is not currently available.", 40613, TransientError),
        ("42000", "Cannot process request. Not enough resources.", 49918, TransientError),
        ("42000", "Resource ID : 1. The request limit has been reached.", 10928, TransientError),
        ("42000", "Resource ID : 1.", 10929, TransientError),
        ("08S01", "TCP Provider: Error code 0x2746", 10054, TransientError),
        ("08S01", "Communication link failure", 0, TransientError),
        ("08001", "TCP Provider: Error code 0x2749", 10061, TransientError),
        ("HYT00", "Login timeout expired", 0, TransientError),
        ("HYT01", "Connection timeout expired", 0, TransientError),
        ("01000", "The pipe has been ended.", 233, TransientError),
        ("28000", "Login failed for user 'etl'.", 18456, ConfigError),
        ("42000", 'Cannot open database "x" requested by the login.', 4060, ConfigError),
        ("08001", "SSL Provider: [error:0A000086::certificate verify failed]", -1, ConfigError),
        ("IM002", "Data source name not found and no default driver specified", 0, ConfigError),
        ("23000", "Violation of PRIMARY KEY constraint 'pk'.", 2627, LoadError),
        ("42S02", "Invalid object name 'certificates'.", 208, LoadError),
        ("42000", "boom (1205)", 50000, LoadError),
        ("23000", f"The duplicate key value is ({DEADLOCK})", 2627, LoadError),
        ("22001", "String or binary data would be truncated.", 2628, LoadError),
    ],
)
def test_pyodbc_errors_by_state_and_number(
    state: str, text: str, number: int, kind: type[EtlError]
) -> None:
    translated = translate_mssql_error(by_pyodbc(state, text, number))
    assert type(translated) is kind
    assert "[Microsoft]" not in str(translated)
    assert "SQLExecDirectW" not in str(translated)
    assert text.rstrip(".") in str(translated)


@pytest.mark.parametrize(
    ("state", "text", "kind"),
    [
        ("40001", DEADLOCK, TransientError),
        ("HYT00", "Lock request time out period exceeded.", TransientError),
        ("42000", "The service is currently busy. Retry after 10 seconds.", TransientError),
        ("42000", "Database 'a' on server 'b' is not currently available.", TransientError),
        ("42000", DEADLOCK, TransientError),
        ("08S01", "TCP Provider: Error code 0x2746", TransientError),
        ("28000", "Login failed for user 'etl'.", ConfigError),
        ("08001", "SSL Provider: [error:0A::certificate verify failed]", ConfigError),
        ("23000", f"The duplicate key value is ({DEADLOCK})", LoadError),
        ("42S02", "Invalid object name 'certificates'.", LoadError),
    ],
)
def test_mssql_python_errors_by_phrase(state: str, text: str, kind: type[EtlError]) -> None:
    require(find_spec("mssql_python") is not None, "mssql-python (the extra `mssql`)")
    from mssql_python.exceptions import raise_exception

    with pytest.raises(Exception, match="Driver Error") as caught:
        raise_exception(state, f"{LABEL}{text}")
    translated = translate_mssql_error(caught.value)
    assert type(translated) is kind
    assert "[Microsoft]" not in str(translated)


def test_the_phrases_are_those_of_the_installed_mssql_python() -> None:
    require(find_spec("mssql_python") is not None, "mssql-python (the extra `mssql`)")
    from mssql_python.exceptions import sqlstate_to_exception

    made = {sqlstate_to_exception(state, "").driver_error: state for state in PHRASES.values()}
    assert made == dict(PHRASES)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Sql Error: 1205: Class 13: State 51: {DEADLOCK}", TransientError),
        ("Connection Error: Connection refused (os error 111)", TransientError),
        ("Sql Error: 4815: Class 16: State 1: invalid column length", LoadError),
        ("Cannot map Arrow column 'c9'", LoadError),
    ],
)
def test_bulk_copys_messages(text: str, kind: type[EtlError]) -> None:
    assert type(translate_mssql_error(text_error(text))) is kind


def test_sqlalchemys_wrapping_is_looked_through() -> None:
    wrapped = sa.exc.DBAPIError("select 1", (), by_pyodbc("40001", DEADLOCK, 1205))
    assert type(translate_mssql_error(wrapped)) is TransientError


def test_other_exceptions_are_left_alone() -> None:
    assert translate_mssql_error(ValueError("1205")) is None


@pytest.mark.parametrize(
    "text",
    [
        "bad string: DRIVER={x};UID=sa;PWD={s3;cr}}et};Encrypt=yes",
        "bad string: UID=sa;Password=s3;x",
        "bad string: pwd = {s3;cr",
    ],
)
def test_a_password_never_reaches_the_message(text: str) -> None:
    said = str(translate_mssql_error(by_pyodbc("HY000", text, 0)))
    assert "s3" not in said
    assert "***" in said


def test_a_password_that_a_message_repeats_is_blotted_out() -> None:
    error = by_pyodbc("28000", "Login failed for user 'hunter2'.", 18456)
    assert "hunter2" not in str(translate_mssql_error(error, secret="hunter2"))


def test_a_message_of_several_is_told_whole_and_judged_by_each() -> None:
    text = (
        f"[42000] {LABEL}The statement has been terminated. (3621) (SQLExecDirectW); "
        f"[42000] {LABEL}{DEADLOCK} (1205)"
    )
    translated = translate_mssql_error(pyodbc.Error("42000", text))
    assert type(translated) is TransientError
    assert str(translated).startswith("The statement has been terminated.; Transaction")
