"""mssql-python's bulk copy: what it is asked for, and what becomes of its errors.

That it loads is for a SQL Server to show (``ETL_TEST_MSSQL_URL``).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from etl.errors import ContractError
from etl.io.databases.mssql_load import bulk_copy


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
    assert options == {"timeout": 0, "column_mappings": ["c1", "c2"], "keep_nulls": True}
    assert_frame_equal(pl.DataFrame(source), frame)


def test_bulk_copy_takes_datetimes_in_utc_only() -> None:
    at = pl.Series("a", [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)])
    with pytest.raises(ContractError, match="UTC"):
        bulk_copy(Recorded(), "s", at.dt.convert_time_zone("Europe/Berlin").to_frame())
