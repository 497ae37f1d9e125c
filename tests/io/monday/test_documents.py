"""Every document of the client is valid: against the peer's schema, and against monday's own."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from etl.io.monday.cell_formats import CELL_FORMATS
from etl.io.monday.column_types import COLUMN_TYPES
from etl.io.monday.documents import (
    BOARD,
    CREATE_GROUP,
    GROUPS,
    INGEST,
    JOB_STATUS,
    TARGET,
    Document,
    change_items,
    create_items,
    create_subitems,
    first_page,
    items_by_id,
    items_by_key,
    next_page,
)
from tests.monday_server import OWN_SCHEMA, REAL_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

SCHEMAS = [
    pytest.param(OWN_SCHEMA, id="own"),
    pytest.param(
        REAL_SCHEMA,
        id="monday",
        marks=pytest.mark.skipif(
            not REAL_SCHEMA.exists(), reason="monday's own schema is not on this machine"
        ),
    ),
]
ASKED = {
    name: [(known.typename, part.selection) for part in known.parts.values() if part.selection]
    for name, known in COLUMN_TYPES.items()
}


@cache
def schema_of(path: Path) -> GraphQLSchema:
    return build_schema(path.read_text(encoding="utf-8"))


def problems(path: Path, document: Document) -> list[str]:
    return [error.message for error in validate(schema_of(path), parse(document.text))]


@pytest.mark.parametrize("path", SCHEMAS)
def test_the_constant_documents_are_valid(path: Path) -> None:
    assert problems(path, BOARD) == []
    assert problems(path, GROUPS) == []
    assert problems(path, first_page([])) == []
    assert problems(path, next_page([])) == []
    for document in (TARGET, CREATE_GROUP, INGEST, JOB_STATUS):
        assert problems(path, document) == []


@pytest.mark.parametrize("path", SCHEMAS)
@pytest.mark.parametrize("count", [1, 20])
def test_the_mutations_are_valid(path: Path, count: int) -> None:
    for make in (create_items, create_subitems, change_items):
        assert problems(path, make(count)) == []


@pytest.mark.parametrize("path", SCHEMAS)
@pytest.mark.parametrize("parents", [False, True])
def test_the_lookups_are_valid_with_every_type_that_is_written(path: Path, parents: bool) -> None:
    asked = [one for name, known in CELL_FORMATS.items() for one in known.selections(name)]
    for make in (items_by_key, items_by_id, first_page, next_page):
        assert problems(path, make(asked, parents=parents)) == []
        assert problems(path, make([], parents=parents)) == []


@pytest.mark.parametrize("path", SCHEMAS)
@pytest.mark.parametrize("type_name", COLUMN_TYPES)
def test_every_part_of_every_type_is_valid(path: Path, type_name: str) -> None:
    if type_name == "auto_number" and path == OWN_SCHEMA:
        assert ASKED[type_name] == []
    for document in (first_page(ASKED[type_name]), next_page(ASKED[type_name])):
        assert problems(path, document) == []


@pytest.mark.parametrize("path", SCHEMAS)
def test_all_types_at_once_do_not_clash(path: Path) -> None:
    everything = [pair for pairs in ASKED.values() for pair in pairs] + [(None, "text value")]
    assert problems(path, first_page(everything)) == []
    assert problems(path, next_page(everything)) == []


def test_the_validation_finds_a_field_that_is_not_there() -> None:
    assert problems(OWN_SCHEMA, first_page([("TextValue", "texts")])) != []


def test_any_two_types_give_the_same_text_in_any_order() -> None:
    for one, two in combinations(["status", "date", "people"], 2):
        assert first_page(ASKED[one] + ASKED[two]) == first_page(ASKED[two] + ASKED[one])
