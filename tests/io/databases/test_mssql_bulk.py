"""mssql-python's bulk copy: what it is asked for, and what becomes of its errors.

That it loads is for a SQL Server to show (``ETL_TEST_MSSQL_URL``).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from etl.config import DatabaseSettings
from etl.errors import ContractError
from etl.io.databases.mssql import MssqlDatabase
from etl.io.databases.mssql_load import bulk_copy
from etl.io.databases.mssql_sql import IS_BABELFISH


class Recorded:
    """Stands for mssql-python's connection and cursor, and keeps what bulk copy was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any, dict[str, Any]]] = []

    def cursor(self) -> Recorded:
        return self

    def close(self) -> None:
        pass

    def bulkcopy_arrow(self, table: str, source: Any, **options: Any) -> None:
        self.calls.append((table, source, options))


def test_bulk_copy_maps_by_name_keeps_nulls_and_has_no_deadline() -> None:
    frame = pl.DataFrame({"c1": [1, None], "c2": ["é", "😀"]})
    recorded = Recorded()
    bulk_copy(recorded, "[dbo].[s]", frame)
    [(table, source, options)] = recorded.calls
    assert table == "[dbo].[s]"
    assert options == {
        "timeout": 0,
        "column_mappings": ["c1", "c2"],
        "keep_nulls": True,
        "table_lock": False,
    }
    assert_frame_equal(pl.DataFrame(source), frame)


class Answering:
    """Stands for a session of either server: what it answers to the one question, and how often."""

    def __init__(self, answer: int | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def cursor(self) -> Answering:
        return self

    def close(self) -> None:
        pass

    def execute(self, sql: str) -> None:
        self.asked.append(sql)

    def fetchall(self) -> list[tuple[int | None]]:
        return [(self.answer,)]


@pytest.mark.parametrize(("answer", "locks"), [(None, True), (1, False)])
def test_a_stage_is_locked_as_a_whole_but_on_babelfish(answer: int | None, locks: bool) -> None:
    database = MssqlDatabase(DatabaseSettings.from_url("mssql://etl:pw@db.example/sales"))
    side = Answering(answer)
    assert [database._locks_stages(side) for _ in range(2)] == [locks, locks]
    assert side.asked == [IS_BABELFISH]


def test_bulk_copy_takes_datetimes_in_utc_only() -> None:
    at = pl.Series("a", [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)])
    with pytest.raises(ContractError, match="UTC"):
        bulk_copy(Recorded(), "s", at.dt.convert_time_zone("Europe/Berlin").to_frame())
