"""The contenders: what each does to replace a table's rows, or to read them.

A contender gets everything it needs before the clock starts: its connection or engine, and the
rows in the form that it likes best. What it takes is then what it would take in a job.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl

from etl.config import DatabaseSettings
from etl.io import db_helper as db

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Action: TypeAlias = Callable[[], Any]

__all__ = ["ENGINES", "OURS", "READERS", "WRITERS", "Bench", "plain_name", "settings_of"]

OURS: Final = "etl"
ENGINES: Final = ("sqlite", "postgres", "duckdb", "mssql")
_POSTGRES: Final = "postgresql://postgres@127.0.0.1:5432/postgres"


def settings_of(engine: str, directory: Path, name: str = "bench") -> DatabaseSettings | None:
    """Where an engine's tables go; None where the environment names no server."""
    if engine in {"sqlite", "duckdb"}:
        return DatabaseSettings.from_url(f"{engine}:///{directory / name}.{engine}", name=engine)
    url = (
        os.environ.get("ETL_TEST_POSTGRES_URL", _POSTGRES)
        if engine == "postgres"
        else os.environ.get("ETL_TEST_MSSQL_URL")
    )
    return None if not url else DatabaseSettings.from_url(url, name=engine)


def plain_name(text: str) -> str:
    """A part of a table's or a file's name that no contender has to quote.

    >>> plain_name("psql \\\\copy_lineitem")
    'psql__copy_lineitem'
    """
    return "".join(c if c.isalnum() else "_" for c in text)


@dataclass(frozen=True)
class Bench:
    """One contender's place: a table of its own, and in SQLite and DuckDB a file."""

    engine: str
    settings: DatabaseSettings
    table: str
    directory: Path

    @property
    def url(self) -> Any:
        """As SQLAlchemy takes it, with the driver that a user would choose."""
        import sqlalchemy as sa

        at = self.settings
        if self.engine in {"sqlite", "duckdb"}:
            return sa.URL.create(self.engine, database=at.database)
        return sa.URL.create(
            "postgresql+psycopg",
            username=at.username,
            password=at.password.get_secret_value() if at.password else None,
            host=at.host,
            port=at.port,
            database=at.database,
            query=dict(at.options),
        )

    @property
    def uri(self) -> str:
        """As libraries outside of SQLAlchemy take it."""
        if self.engine == "postgres":
            return str(self.url.set(drivername="postgresql").render_as_string(hide_password=False))
        return f"{self.engine}:///{self.settings.database}"

    def sqlalchemy(self, **options: Any) -> Any:
        """A plain engine; SQL Server's is ours, whose connections know Microsoft's driver."""
        import sqlalchemy as sa

        if self.engine != "mssql":
            return sa.create_engine(self.url, **options)
        engine = db.get_engine(dataclasses.replace(self.settings, driver="pyodbc"))
        dialect: Any = engine.dialect
        if options.get("fast_executemany"):
            dialect.fast_executemany = True
            dialect.use_insertmanyvalues_wo_returning = False
        return engine

    def adbc(self) -> Any:
        """ADBC's own connection."""
        if self.engine == "sqlite":
            import adbc_driver_sqlite.dbapi

            return adbc_driver_sqlite.dbapi.connect(self.settings.database)
        import adbc_driver_postgresql.dbapi

        return adbc_driver_postgresql.dbapi.connect(self.uri)

    def make_table(self, frame: pl.DataFrame) -> None:
        """An empty table of the frame's exact types, for loaders that need one."""
        db.write_frame(frame.clear(), self.table, self.settings, mode="append")


# Writers


def _etl(bench: Bench, frame: pl.DataFrame) -> Action:
    return lambda: db.write_frame(frame, bench.table, bench.settings, mode="replace")


def _etl_bulk_copy(bench: Bench, frame: pl.DataFrame) -> Action:
    at = dataclasses.replace(bench.settings, driver="mssql-python")
    return lambda: db.write_frame(frame, bench.table, at, mode="replace")


def _to_sql(bench: Bench, frame: pl.DataFrame, engine: Any, **options: Any) -> Action:
    data = frame.to_pandas()
    settings = {"if_exists": "replace", "index": False, **options}
    return lambda: data.to_sql(bench.table, engine, **settings)


def _pandas(bench: Bench, frame: pl.DataFrame) -> Action:
    return _to_sql(bench, frame, bench.sqlalchemy())


def _pandas_multi(bench: Bench, frame: pl.DataFrame) -> Action:
    rows = 30_000 // frame.width  # in a statement
    return _to_sql(bench, frame, bench.sqlalchemy(), method="multi", chunksize=rows)


def _pandas_fast(bench: Bench, frame: pl.DataFrame) -> Action:
    return _to_sql(bench, frame, bench.sqlalchemy(fast_executemany=True))


def _copy_from(table: Any, connection: Any, keys: list[str], rows: Any) -> None:
    """COPY for ``method=``, after the example in pandas' documentation (insertion method)."""
    import csv
    import io

    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    names = ", ".join(f'"{key}"' for key in keys)
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN WITH CSV') as copy,
    ):
        copy.write(buffer.getvalue())


def _pandas_copy(bench: Bench, frame: pl.DataFrame) -> Action:
    return _to_sql(bench, frame, bench.sqlalchemy(), method=_copy_from)


def _polars_sqlalchemy(bench: Bench, frame: pl.DataFrame) -> Action:
    engine = bench.sqlalchemy()
    return lambda: frame.write_database(
        bench.table, engine, if_table_exists="replace", engine="sqlalchemy"
    )


def _polars_adbc(bench: Bench, frame: pl.DataFrame) -> Action:
    return lambda: frame.write_database(
        bench.table, bench.uri, if_table_exists="replace", engine="adbc"
    )


def _adbc(bench: Bench, frame: pl.DataFrame) -> Action:
    data = _arrow(frame)

    def load() -> None:
        with bench.adbc() as connection, connection.cursor() as cursor:
            cursor.adbc_ingest(bench.table, data, mode="replace")
            connection.commit()

    return load


def _insertmanyvalues(bench: Bench, frame: pl.DataFrame) -> Action:
    import sqlalchemy as sa

    bench.make_table(frame)
    engine = bench.sqlalchemy()
    table = sa.Table(bench.table, sa.MetaData(), autoload_with=engine)

    def load() -> None:
        with engine.begin() as connection:
            connection.execute(sa.delete(table))
            connection.execute(sa.insert(table), frame.to_dicts())

    return load


def _dlt(bench: Bench, frame: pl.DataFrame) -> Action:
    import dlt

    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    # dlt insists on a password, also where the server asks for none.
    postgres = bench.url.set(drivername="postgresql", password=bench.url.password or "none")
    targets: dict[str, Callable[[], Any]] = {
        "sqlite": lambda: dlt.destinations.sqlalchemy(str(bench.url)),
        "duckdb": lambda: dlt.destinations.duckdb(bench.settings.database),
        "postgres": lambda: dlt.destinations.postgres(
            postgres.render_as_string(hide_password=False)
        ),
    }
    pipeline = dlt.pipeline(
        "bench",
        destination=targets[bench.engine](),
        dataset_name="bench_dlt",
        pipelines_dir=str(bench.directory / "dlt"),
    )
    data = _arrow(frame)
    return lambda: pipeline.run(
        data, table_name=bench.table, write_disposition="replace"
    ).raise_on_failed_jobs()


def _psql_copy(bench: Bench, frame: pl.DataFrame) -> Action:
    if shutil.which("psql") is None:
        raise ImportError("psql is not installed")
    bench.make_table(frame)
    path = bench.directory / f"{bench.table}.csv"
    frame.write_csv(path, include_header=False, quote_style="non_numeric")
    steps = ["begin", f'delete from "{bench.table}"']
    steps += [f"\\copy \"{bench.table}\" from '{path}' (format csv)", "commit"]
    command = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", bench.uri]
    for step in steps:
        command += ["-c", step]
    return lambda: subprocess.run(command, check=True)


def _sqlite_import(bench: Bench, frame: pl.DataFrame) -> Action:
    if shutil.which("sqlite3") is None:
        raise ImportError("the sqlite3 program is not installed")
    bench.make_table(frame)
    path = bench.directory / f"{bench.table}.csv"
    frame.write_csv(path, include_header=False)
    script = f'begin;\ndelete from "{bench.table}";\n.import --csv {path} {bench.table}\ncommit;\n'
    command = ["sqlite3", "-bail", bench.settings.database]
    return lambda: subprocess.run(command, input=script, text=True, check=True)


def _duckdb_insert(bench: Bench, frame: pl.DataFrame) -> Action:
    import duckdb

    bench.make_table(frame)
    data = _arrow(frame)

    def load() -> None:
        with duckdb.connect(bench.settings.database) as connection:
            connection.register("data", data)
            connection.execute("begin")
            connection.execute(f'delete from "{bench.table}"')
            connection.execute(f'insert into "{bench.table}" select * from data')
            connection.execute("commit")

    return load


def _bulk_copy(bench: Bench, frame: pl.DataFrame) -> Action:
    at = dataclasses.replace(bench.settings, driver="mssql-python")
    bench.make_table(frame)
    data = _arrow(frame)

    def load() -> None:
        db.execute(f'TRUNCATE TABLE "{bench.table}"', at)
        with db.get_connection(at) as connection, closing(connection.cursor()) as cursor:
            cursor.bulkcopy_arrow(
                bench.table, data, timeout=0, column_mappings=frame.columns, keep_nulls=True
            )

    return load


# Readers: each reads the table that was written with exact types.


def _read_etl(bench: Bench) -> Action:
    return lambda: db.read_frame(bench.table, bench.settings)


def _read_etl_arrow(bench: Bench) -> Action:
    at = dataclasses.replace(bench.settings, driver="mssql-python")
    return lambda: db.read_frame(bench.table, at)


def _read_pandas(bench: Bench) -> Action:
    import pandas as pd

    engine = bench.sqlalchemy()
    return lambda: pd.read_sql_table(bench.table, engine)


def _read_polars(bench: Bench) -> Action:
    engine = bench.sqlalchemy()
    return lambda: pl.read_database(f'select * from "{bench.table}"', engine)


def _read_polars_duckdb(bench: Bench) -> Action:
    import duckdb

    def read() -> pl.DataFrame:
        with duckdb.connect(bench.settings.database) as connection:
            return pl.read_database(f'select * from "{bench.table}"', connection)

    return read


def _read_connectorx(bench: Bench) -> Action:
    import connectorx

    query = f'select * from "{bench.table}"'
    return lambda: connectorx.read_sql(bench.uri, query, return_type="polars")


def _read_adbc(bench: Bench) -> Action:
    def read() -> Any:
        with bench.adbc() as connection, connection.cursor() as cursor:
            cursor.execute(f'select * from "{bench.table}"')
            return cursor.fetch_arrow_table()

    return read


def _read_duckdb(bench: Bench) -> Action:
    import duckdb

    def read() -> Any:
        with duckdb.connect(bench.settings.database) as connection:
            return connection.sql(f'select * from "{bench.table}"').to_arrow_table()

    return read


def _read_mssql_arrow(bench: Bench) -> Action:
    at = dataclasses.replace(bench.settings, driver="mssql-python")

    def read() -> Any:
        with db.get_connection(at) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(f'select * from "{bench.table}"')
            return cursor.arrow()

    return read


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


_GENERAL: Final[dict[str, Callable[[Bench, pl.DataFrame], Action]]] = {
    "pandas to_sql": _pandas,
    "polars, sqlalchemy": _polars_sqlalchemy,
    "sqlalchemy insertmanyvalues": _insertmanyvalues,
}
_BY_ADBC: Final = {"polars, adbc": _polars_adbc, "adbc": _adbc}

WRITERS: Final[dict[str, dict[str, Callable[[Bench, pl.DataFrame], Action]]]] = {
    "sqlite": {
        OURS: _etl,
        **_GENERAL,
        **_BY_ADBC,
        "dlt": _dlt,
        "sqlite3 .import": _sqlite_import,
    },
    "postgres": {
        OURS: _etl,
        **_GENERAL,
        "pandas, COPY": _pandas_copy,
        **_BY_ADBC,
        "dlt": _dlt,
        "psql \\copy": _psql_copy,
    },
    # Row by row, pandas and polars take minutes on DuckDB; its own insert is the peer. On the others
    # pandas' "multi" takes ten times as long as its default.
    "duckdb": {
        OURS: _etl,
        "pandas, multi": _pandas_multi,
        "dlt": _dlt,
        "duckdb insert from Arrow": _duckdb_insert,
    },
    "mssql": {
        OURS: _etl,
        "etl, mssql-python": _etl_bulk_copy,
        **_GENERAL,
        "pandas, fast_executemany": _pandas_fast,
        "bulk copy, called directly": _bulk_copy,
    },
}

READERS: Final[dict[str, dict[str, Callable[[Bench], Action]]]] = {
    "sqlite": {
        OURS: _read_etl,
        "pandas": _read_pandas,
        "polars": _read_polars,
        "connectorx": _read_connectorx,
        "adbc": _read_adbc,
    },
    "postgres": {
        OURS: _read_etl,
        "pandas": _read_pandas,
        "polars": _read_polars,
        "connectorx": _read_connectorx,
        "adbc": _read_adbc,
    },
    "duckdb": {
        OURS: _read_etl,
        "pandas": _read_pandas,
        "polars": _read_polars_duckdb,
        "duckdb to Arrow": _read_duckdb,
    },
    "mssql": {
        OURS: _read_etl,
        "etl, mssql-python": _read_etl_arrow,
        "pandas": _read_pandas,
        "polars": _read_polars,
        "mssql-python to Arrow": _read_mssql_arrow,
    },
}
