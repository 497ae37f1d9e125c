"""A PostgreSQL database whose text is not UTF-8."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING

import polars as pl
import pytest

from etl.errors import LoadError
from etl.io.databases import postgres_load
from etl.io.databases.postgres_types import postgres_url
from tests.databases import Door, settings_of
from tests.requires import required_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

psycopg = required_module("psycopg", "psycopg (uv sync --all-extras)")


@pytest.fixture
def latin(tmp_path: Path) -> Iterator[Door]:
    at = settings_of("postgresql", tmp_path)
    name = f"latin_{uuid.uuid4().hex}"
    url = postgres_url(at, "postgresql").render_as_string(hide_password=False)
    server = psycopg.connect(url, autocommit=True)
    with server:
        server.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        yield (door := Door("postgresql", dataclasses.replace(at, database=name)))
        door.database.close()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("binary_rows", [1, 50_000])
def test_text_is_stored_in_the_database_s_own_encoding(
    latin: Door, monkeypatch: pytest.MonkeyPatch, binary_rows: int
) -> None:
    monkeypatch.setattr(postgres_load, "_BINARY_ROWS", binary_rows)
    frame = pl.DataFrame({"word": ["Größe", "é", None]})
    latin.write(frame, "t", mode="replace")
    assert latin.read("t").equals(frame, null_equal=True)
    sql = "SELECT encode(convert_to(word, 'LATIN1'), 'hex') AS word FROM t WHERE length(word) = 1"
    assert latin.read(sql).item() == "e9"
    # By a cursor, too: a statement with an array in it takes one.
    assert (
        latin.read("SELECT array[word]::text AS words FROM t WHERE length(word) = 1").item()
        == "{é}"
    )
    with pytest.raises(LoadError, match="has no equivalent in encoding"):
        latin.write(pl.DataFrame({"word": ["🎉"]}), "t", mode="replace")
    assert latin.read("t").equals(frame, null_equal=True)
