"""Reading SQL Server's own protocol with both of Microsoft's drivers, and what can go wrong on it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import subprocess
import sys
import traceback
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING

import polars as pl
import pytest
from pydantic import SecretStr

from etl.errors import ConfigError, ContractError, LoadError, TransientError
from etl.io import db_helper as db
from etl.io.databases import open_database
from etl.io.databases.columns import Column, TableName
from etl.io.databases.mssql import MssqlDatabase
from etl.io.databases.mssql_load import is_microsoft
from tests.io.databases.tds_peer import PASSWORD, USER, CutWire, TdsPeer
from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.config import DatabaseSettings

PEOPLE = [{"id": n, "full name": f"n{n} é", "score": n / 2, "big": 2**40 + n} for n in range(2500)]
PEOPLE[3] |= {"full name": None, "score": None}
# The peer declares text by its characters and sends UTF-16: an emoji in the longest value breaks
# the stream off, as a failing network device would.
BROKEN = [{"id": 1, "name": "ada 😀"}, {"id": 2, "name": "b"}]
WIDE = [{"id": n, "name": f"{n:05d}" + "x" * 500} for n in range(5000)]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TdsPeer]:
    require(find_spec("mssql_python_odbc") is not None, "mssql-python-odbc (the extra `mssql`)")
    tables = {"people": PEOPLE, "broken": BROKEN, "wide": WIDE}
    with closing(TdsPeer(tmp_path_factory.mktemp("peer"), tables)) as made:
        yield made


@pytest.fixture(params=["pyodbc", "mssql-python"])
def at(request: pytest.FixtureRequest, peer: TdsPeer) -> DatabaseSettings:
    """The peer, by one of the drivers; the password is all that a connection string escapes."""
    return peer.settings(request.param)


def expected(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"id": pl.Int32, "full name": pl.String, "score": pl.Float64, "big": pl.Int64},
    )


def test_a_table_is_read_with_its_types(at: DatabaseSettings) -> None:
    frame = db.read_frame("dbo.people", at)
    assert frame.schema == expected([]).schema
    assert frame.equals(expected(PEOPLE))


def test_parameters_are_bound(at: DatabaseSettings) -> None:
    name = "n7 é"
    found = db.read_frame(
        "select id from people where [full name] = :name or id = :id",
        at,
        params={"name": name, "id": 3},
    )
    assert found["id"].to_list() == [3, 7]


def test_batches_have_the_size_that_was_asked_for(at: DatabaseSettings) -> None:
    frames = list(db.read_frame("select * from people", at, batch_rows=1000))
    assert [frame.height for frame in frames] == [1000, 1000, 500]
    assert pl.concat(frames).equals(expected(PEOPLE))


def test_an_empty_result_keeps_its_columns(at: DatabaseSettings) -> None:
    frame = db.read_frame("select * from people where 1 = 0", at)
    assert frame.schema == expected([]).schema


def test_dates_and_numbers_of_an_expression(at: DatabaseSettings) -> None:
    frame = db.read_frame(
        "select cast('2024-01-02T03:04:05.123' as datetime2) as at, cast(null as int) as n", at
    )
    assert frame.rows() == [(dt.datetime(2024, 1, 2, 3, 4, 5, 123000), None)]  # noqa: DTZ001
    assert frame.schema == {"at": pl.Datetime("us"), "n": pl.Int32}


def test_two_columns_of_one_name_are_refused(at: DatabaseSettings) -> None:
    with pytest.raises(ContractError, match="one name"):
        db.read_frame("select id, id from people", at)


def test_the_catalogue_of_a_live_table(at: DatabaseSettings) -> None:
    database = open_database(at)
    with database.begin() as connection:
        assert database.schema_exists(connection, "dbo")
        assert not database.schema_exists(connection, "nowhere")
        assert database.columns(connection, TableName("nothing", "dbo")) is None
        for table in (TableName("people"), TableName("people", "dbo")):
            columns = database.columns(connection, table)
            assert columns is not None
            assert {c.name: (c.type, c.dtype, c.generated) for c in columns} == {
                "id": ("int", pl.Int32(), False),
                "full name": ("nvarchar", pl.String(), False),
                "score": ("float", pl.Float64(), False),
                "big": ("bigint", pl.Int64(), False),
            }
            assert next(c for c in columns if c.name == "full name").length == 7
        assert database.count(connection, TableName("people")) == len(PEOPLE)
        assert database.referenced_by(connection, TableName("people")) == []


def test_a_procedures_counts_before_its_rows_are_passed_over(at: DatabaseSettings) -> None:
    batch = "create table #t (a int); insert into #t values (1), (2); select a from #t"
    assert db.read_frame(f"exec ('{batch}')", at)["a"].to_list() == [1, 2]


def test_a_statement_without_rows_is_no_frame(at: DatabaseSettings) -> None:
    with pytest.raises(ContractError, match="gives no rows"):
        db.read_frame("exec ('create table #t (a int)')", at)


def test_the_pool_gives_the_same_connection_again(at: DatabaseSettings) -> None:
    engine = db.get_engine(at)
    for _ in range(3):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("select count(*) as n from people").scalar() == 2500
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_pyodbc_takes_the_shipped_driver_for_microsofts(peer: TdsPeer) -> None:
    with db.get_connection(peer.settings("pyodbc")) as connection:
        assert is_microsoft(connection.driver_connection)


# What goes wrong.


def test_a_wrong_password_is_one_sentence_without_it(at: DatabaseSettings) -> None:
    wrong = dataclasses.replace(at, password=SecretStr("hunter2;x"))
    with pytest.raises(ConfigError, match=f"Login failed for user '{USER}'; check") as caught:
        db.read_frame("select 1 as a", wrong)
    told = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in told
    assert "\n" not in str(caught.value)


def test_an_untrusted_certificate_says_what_to_do(at: DatabaseSettings) -> None:
    strict = dataclasses.replace(at, trust_server_certificate=False)
    with pytest.raises(ConfigError, match=r"certificate.*trustServerCertificate") as caught:
        db.read_frame("select 1 as a", strict)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_does_not_answer_is_worth_another_try(at: DatabaseSettings) -> None:
    closed = dataclasses.replace(at, port=1, connect_timeout=2)
    with pytest.raises(TransientError, match="host and port"):
        db.read_frame("select 1 as a", closed)


def test_a_missing_table_names_it(at: DatabaseSettings) -> None:
    with pytest.raises(LoadError, match="'nope'") as caught:
        db.read_frame("select * from nope", at)
    assert not isinstance(caught.value, TransientError)


def test_an_unknown_option_is_told_by_mssql_python(peer: TdsPeer) -> None:
    at = peer.settings("mssql-python", options={"NoSuchThing": "1"})
    with pytest.raises(ConfigError, match="nosuchthing") as caught:
        db.read_frame("select 1 as a", at)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_wire_cut_half_way_is_an_error_and_never_half_a_table(
    at: DatabaseSettings, peer: TdsPeer
) -> None:
    with closing(CutWire(peer.host, peer.port, after=2_000_000)) as wire:
        cut = dataclasses.replace(
            at, port=wire.port, options={"ConnectRetryCount": "0"}, connect_timeout=5
        )
        with pytest.raises(TransientError):
            db.read_frame("select * from wide", cut)
    assert db.read_frame("select * from wide", at).height == len(WIDE)


def test_an_answer_that_breaks_off_within_a_row_is_an_error_and_never_a_blank(
    at: DatabaseSettings,
) -> None:
    # mssql-python 1.16 alone gives the row (1, '') and no error until the next statement.
    database = open_database(at)
    with closing(database.engine.connect()) as connection:
        with pytest.raises(Exception, match=r"Protocol error|no longer usable"):
            list(database.fetch(connection, "select * from broken", None))
        connection.invalidate()
    with pytest.raises(LoadError):
        db.read_frame("select * from broken", at)


def test_a_failed_load_says_so_and_leaves_no_transaction(at: DatabaseSettings) -> None:
    # The peer knows no locks: the stage can't be held, so it is not made, and nothing else is tried.
    frame = pl.DataFrame({"id": [1]}, schema={"id": pl.Int32})
    with pytest.raises(LoadError, match="could not find stored procedure"):
        db.write_frame(frame, "dbo.people", at, mode="append")
    assert db.read_frame("select count(*) as n from people", at).item() == len(PEOPLE)


# A process of its own: in this one SQLAlchemy's dialect may have turned the pool off.
WITHOUT_ENGINE = """
import json, sys
from contextlib import closing
from pydantic import SecretStr
from etl.config import DatabaseSettings
from etl.io.databases.mssql import MssqlDatabase
values = json.loads(sys.stdin.read())
values["password"] = SecretStr(values["password"])
with closing(MssqlDatabase(DatabaseSettings(**values))._session("bulk_copy")):
    from mssql_python.pooling import PoolingManager
    print("pooled" if PoolingManager.is_enabled() else "its own")
"""


def test_a_session_that_is_closed_is_kept_in_no_pool_of_the_drivers(peer: TdsPeer) -> None:
    require(find_spec("mssql_python") is not None, "mssql-python (the extra `mssql`)")
    at = dataclasses.asdict(peer.settings("pyodbc"))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ENGINE],
        input=json.dumps(at | {"password": PASSWORD}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("its own\n", "")


def test_bulk_copys_own_error_is_told_as_the_databases(peer: TdsPeer) -> None:
    require(find_spec("mssql_python") is not None, "mssql-python (the extra `mssql`)")
    database = MssqlDatabase(peer.settings("mssql-python"))
    frame = pl.DataFrame({"id": [1]}, schema={"id": pl.Int32})
    columns = [Column(name="id", type="int", dtype=pl.Int32())]
    with (
        closing(database._connect()) as side,
        pytest.raises(LoadError, match="sp_tablecollations_100") as caught,
    ):
        database._send(side, "[dbo].[people]", columns, frame, "bulk_copy")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
