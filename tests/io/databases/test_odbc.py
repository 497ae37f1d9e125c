"""Finding Microsoft's driver, and connection strings that no value can break."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from etl.config import DatabaseSettings
from etl.errors import ConfigError
from etl.io.databases import odbc
from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVER = "ODBC Driver 18 for SQL Server"


def parsed(text: str) -> dict[str, str]:
    """A connection string read by ODBC's rules, to see what a driver would see."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        key, _, rest = text[at:].partition("=")
        at += len(key) + 1
        if rest.startswith("{"):
            end = at + 1
            value = ""
            while True:
                close = text.index("}", end)
                value += text[end:close]
                if text[close : close + 2] != "}}":
                    break
                value += "}"
                end = close + 2
            at = close + 1
            assert text[at : at + 1] in {"", ";"}
            at += 1
        else:
            value, _, _ = rest.partition(";")
            at += len(value) + 1
        assert key not in found
        found[key] = value
    return found


def settings(**changes: object) -> DatabaseSettings:
    given: Mapping[str, object] = {
        "name": "orders",
        "engine": "mssql",
        "host": "db.example",
        "database": "sales",
        "username": "etl",
        "password": SecretStr("pw"),
        **changes,
    }
    return DatabaseSettings(**given)  # type: ignore[arg-type]


VALUES = st.text(
    st.one_of(st.sampled_from(";{}=[](),?*!@ '\"\\"), st.characters(exclude_characters="\0")),
    min_size=1,
)


@given(VALUES, VALUES, VALUES)
def test_any_user_password_and_database_come_back_as_they_were(
    user: str, password: str, database: str
) -> None:
    at = settings(username=user, password=SecretStr(password), database=database)
    read = parsed(odbc.connection_string(at, DRIVER))
    assert (read["UID"], read["PWD"], read["DATABASE"]) == (user, password, database)
    assert read["DRIVER"] == DRIVER
    assert set(read) == {
        *("DRIVER", "SERVER", "DATABASE", "UID", "PWD", "APP"),
        *("Encrypt", "TrustServerCertificate"),
    }


@given(VALUES)
def test_mssql_python_reads_the_same_value(password: str) -> None:
    require(find_spec("mssql_python") is not None, "mssql-python (the extra `mssql`)")
    from mssql_python.connection_string_parser import _ConnectionStringParser

    at = settings(password=SecretStr(password))
    text = odbc.join_parts(odbc.login_parts(at))
    assert _ConnectionStringParser(validate_keywords=True)._parse(text)["pwd"] == password


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"SERVER": "db.example", "Encrypt": "yes", "TrustServerCertificate": "no"}),
        ({"port": 1444}, {"SERVER": "db.example,1444"}),
        ({"host": r"db\inst"}, {"SERVER": r"db\inst"}),
        ({"host": r"db\inst", "port": 1444}, {"SERVER": r"db\inst,1444"}),
        ({"host": "::1", "port": 1433}, {"SERVER": "::1,1433"}),
        ({"encrypt": "strict"}, {"Encrypt": "strict"}),
        ({"trust_server_certificate": True}, {"TrustServerCertificate": "yes"}),
        ({"options": {"ApplicationIntent": "ReadOnly"}}, {"ApplicationIntent": "ReadOnly"}),
        ({"options": {"APP": "my job"}}, {"APP": "my job"}),
    ],
)
def test_settings_become_keywords(changes: dict[str, object], expected: dict[str, str]) -> None:
    read = parsed(odbc.connection_string(settings(**changes), DRIVER))
    assert {key: read[key] for key in expected} == expected


def test_a_trusted_connection_sends_no_login() -> None:
    read = parsed(odbc.connection_string(settings(trusted_connection=True), DRIVER))
    assert read["Trusted_Connection"] == "yes"
    assert not {"UID", "PWD"} & set(read)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"host": None}, "host"),
        ({"options": {"PWD": "x"}}, "PWD"),
        ({"options": {"Trust Server Certificate": "yes"}}, "Trust Server Certificate"),
        ({"options": {"APP;UID=sa": "x"}}, "APP;UID=sa"),
        ({"password": SecretStr("s3cret\0x")}, "NUL"),
    ],
)
def test_what_could_not_be_meant_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        odbc.connection_string(settings(**changes), DRIVER)
    assert "s3cret" not in str(caught.value)


def test_drivers_are_ordered_by_number_not_by_letter() -> None:
    names = [f"ODBC Driver {number} for SQL Server" for number in (17, 9, 18, 13)]
    assert odbc.newest_driver([*names, "SQL Server", "FreeTDS"]) == DRIVER
    assert odbc.newest_driver(["ODBC Driver 13.1 for SQL Server", names[-1]]) == (
        "ODBC Driver 13.1 for SQL Server"
    )


def run(code: str, **environment: str) -> str:
    """A statement in a Python of its own; gives what it prints."""
    root = Path(odbc.__file__).parents[3]
    paths = [environment.pop("PYTHONPATH", ""), str(root)]
    done = subprocess.run(
        [sys.executable, "-c", f"from etl.io.databases import odbc\n{code}"],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


FIND = "try: print(odbc.find_driver({!r}))\nexcept odbc.ConfigError as error: print(error)"


@pytest.mark.skipif(sys.platform == "win32", reason="drivers are in the registry there")
def test_a_registered_driver_goes_before_the_shipped_one(tmp_path: Path) -> None:
    lines = [f"[ODBC Driver {number} for SQL Server]\nDriver=x.so" for number in (9, 18, 17)]
    (tmp_path / "odbcinst.ini").write_text("\n".join(lines))
    assert run(FIND.format(None), ODBCSYSINI=str(tmp_path)) == DRIVER
    assert run(FIND.format(DRIVER.replace("18", "17")), ODBCSYSINI=str(tmp_path)) == (
        "ODBC Driver 17 for SQL Server"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="drivers are in the registry there")
def test_without_a_registered_driver_the_shipped_one_is_found(tmp_path: Path) -> None:
    require(find_spec("mssql_python_odbc") is not None, "mssql-python-odbc (the extra `mssql`)")
    (tmp_path / "odbcinst.ini").write_text("")
    found = run(FIND.format(None), ODBCSYSINI=str(tmp_path))
    assert Path(found).is_file()
    assert "msodbcsql" in Path(found).name


@pytest.mark.skipif(sys.platform == "win32", reason="drivers are in the registry there")
def test_without_any_driver_the_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "odbcinst.ini").write_text("")
    (tmp_path / "mssql_python_odbc.py").write_text("raise ImportError('not installed')")
    said = run(FIND.format(None), ODBCSYSINI=str(tmp_path), PYTHONPATH=str(tmp_path))
    assert "no ODBC driver for SQL Server" in said
    assert "pip install mssql-python-odbc" in said


def test_a_driver_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="'ODBC Driver 99 for SQL Server' is not installed"):
        odbc.find_driver("ODBC Driver 99 for SQL Server")


def test_a_driver_that_cannot_be_loaded_is_told_before_it_is_used(tmp_path: Path) -> None:
    broken = tmp_path / "libmsodbcsql-18.so"
    broken.write_text("no library")
    with pytest.raises(ConfigError, match=r"libmsodbcsql-18\.so can't be loaded"):
        odbc.find_driver(str(broken))


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libltdl.so.7", "libltdl7"),
        ("libkrb5.so.3", "libkrb5-3"),
        ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
        ("libodbc.so.2", "unixodbc"),
    ],
)
def test_a_missing_library_names_its_package(
    library: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    said = odbc.unloadable("it", f"{library}: cannot open shared object file: No such file")
    assert f"apt install {package} " in said


def test_pyodbc_without_the_systems_odbc_says_what_to_install(tmp_path: Path) -> None:
    reason = "libodbc.so.2: cannot open shared object file: No such file or directory"
    (tmp_path / "pyodbc.py").write_text(f"raise ImportError({reason!r})")
    said = run(FIND.format(None), PYTHONPATH=str(tmp_path))
    assert "unixodbc" in said
    assert "pyodbc can't be loaded" in said


def test_a_missing_pyodbc_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "pyodbc.py").write_text("raise ModuleNotFoundError('no pyodbc', name='pyodbc')")
    assert run(FIND.format(None), PYTHONPATH=str(tmp_path)) == (
        "pyodbc is not installed: pip install pyodbc"
    )
