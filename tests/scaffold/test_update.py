"""``etl contract update``: the patch after a source has changed, and no more than that."""

from __future__ import annotations

import importlib.util
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.contracts.describe import describe
from etl.io.databases.columns import Column
from etl.io.drift import board_changes, table_changes
from etl.io.monday.boards import Board, BoardColumn
from etl.io.monday.column_types import COLUMN_TYPES
from etl.io.proposals import board_proposal, table_proposal
from etl.scaffold._contract import attributes, column_line
from etl.scaffold._update import patched
from tests.scaffold.test_contract import live_columns
from tests.scaffold.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from etl.contracts.describe import ContractColumn

HEAD = (
    "import dataframely as dy\n\nfrom etl.contracts.text import Text\n\n\nclass Made(dy.Schema):\n"
)


def written(columns: tuple[ContractColumn, ...]) -> str:
    """A contract's file, with a comment and a rule of somebody's."""
    named = attributes(columns)
    lines = [column_line(column, named[column.name]) for column in columns]
    return (
        HEAD
        + "    # somebody's words\n"
        + "\n".join(lines)
        + "\n\n    zz_own = dy.Int8(nullable=True)\n"
    )


def loaded(text: str) -> Any:
    spec = importlib.util.spec_from_loader("made", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(text, module.__dict__)  # noqa: S102 - it is what is tested
    return module.Made  # type: ignore[attr-defined]


def columns_of(contract: Any) -> list[ContractColumn]:
    return sorted((c for c in describe(contract) if c.name != "zz_own"), key=lambda c: c.name)


@given(before=live_columns(), after=live_columns())
def test_after_the_patch_the_contract_is_the_tables(
    before: list[Column], after: list[Column]
) -> None:
    text = written(table_proposal(before, []).columns)
    old = loaded(text)
    changes = [c for c in table_changes(old, after) if c.source != "zz_own"]
    new, notes = patched(text, old, changes)
    assert notes == ()
    made = loaded(new)
    assert columns_of(made) == sorted(table_proposal(after, []).columns, key=lambda c: c.name)
    assert "    # somebody's words\n" in new
    assert "    zz_own = dy.Int8(nullable=True)\n" in new
    assert [c for c in table_changes(made, after) if c.source != "zz_own"] == []
    if before == after:
        assert new == text


@given(
    before=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(list(COLUMN_TYPES))),
    after=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(list(COLUMN_TYPES))),
)
def test_after_the_patch_the_contract_is_the_boards(
    before: dict[str, str], after: dict[str, str]
) -> None:
    first, second = (
        Board(
            id="1",
            name="any",
            items_count=0,
            columns=tuple(
                BoardColumn(id=name, title=name, type=kind, archived=False)
                for name, kind in columns.items()
                if kind != "formula"  # of which there may be five at most
            ),
        )
        for columns in (before, after)
    )
    text = written(board_proposal(first).columns)
    old = loaded(text)
    new, notes = patched(text, old, board_changes(old, second))
    assert notes == ()
    made = loaded(new)

    def known(columns: Any) -> list[Any]:
        return sorted(
            (c.metadata["board_column"], c.metadata.get("part", ""), str(c.dtype))
            for c in columns
            if c.metadata
        )

    assert known(columns_of(made)) == known(board_proposal(second).columns)
    assert board_changes(made, second) == ()


def column(name: str, kind: str, dtype: Any, length: int | None = None, **more: Any) -> Column:
    return Column(name=name, type=kind, dtype=dtype, length=length, **more)


HAND_WRITTEN = (
    HEAD
    + '''    note = Text(max_length=10, regex="^[A-Z]", metadata={"source_type": "nvarchar(10) not null"})
    """What the customer said."""
    qty = dy.Int32(nullable=True, min=0, metadata={"source_type": "int"})
    gone = Text(nullable=True, metadata={"source_type": "text"})
    """Its words go with it."""

    @dy.rule()
    def some_rule(cls):
        return cls.gone.col.is_null()
'''
)


def test_of_a_line_that_somebody_wrote_only_type_and_length_change() -> None:
    old = loaded(HAND_WRITTEN)
    live = [
        column("note", "nvarchar", pl.String(), 80, nullable=False),
        column("qty", "nvarchar", pl.String(), 5),
    ]
    new, notes = patched(HAND_WRITTEN, old, table_changes(old, live))
    assert new == HAND_WRITTEN.replace("max_length=10", "max_length=80").replace(
        "nvarchar(10) not", "nvarchar(80) not"
    ).replace('"int"', '"nvarchar(5)"').replace(
        '    gone = Text(nullable=True, metadata={"source_type": "text"})\n    """Its words go with it."""\n',
        "",
    )
    assert notes == (
        "qty was changed by hand, and is retyped: nvarchar(5)",
        "gone is used in line 15: change that by hand",
    )


def test_text_is_imported_where_a_new_column_needs_it() -> None:
    text = 'import dataframely as dy\n\n\nclass Made(dy.Schema):\n    a = dy.Int8(metadata={"source_type": "tinyint not null"})\n'
    old = loaded(text)
    live = [column("a", "tinyint", pl.Int8(), nullable=False), column("b", "text", pl.String())]
    new, _ = patched(text, old, table_changes(old, live))
    assert new.startswith("import dataframely as dy\n\nfrom etl.contracts.text import Text\n\n\n")
    assert describe(loaded(new))[1].dtype == pl.String()


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        (column("a", "int", pl.Int32()), column("a", "bigint", pl.Int64()), "widened"),
        (column("a", "bigint", pl.Int64()), column("a", "int", pl.Int32()), "narrowed"),
        (column("a", "int", pl.Int32()), column("a", "nvarchar", pl.String()), "retyped"),
        (column("a", "nvarchar", pl.String(), 5), column("a", "nvarchar", pl.String()), "widened"),
        (column("a", "varchar", pl.String(), 5), column("a", "nvarchar", pl.String(), 5), "retyped"),
        (column("a", "decimal", pl.Decimal(9, 2)), column("a", "decimal", pl.Decimal(9, 4)), "widened"),
        (column("a", "int", pl.Int32(), nullable=False), column("a", "int", pl.Int32()), "may be null"),
        (column("a", "int", pl.Int32()), column("a", "int", pl.Int32(), nullable=False), "never null"),
    ],
)  # fmt: skip
def test_what_has_become_of_a_column_has_a_name(was: Column, now: Column, kind: str) -> None:
    now = Column(**{**vars(now), "type": f"{now.type}{'' if was.type != now.type else ' '}"})
    contract = loaded(written(table_proposal([was], []).columns))
    [change] = [c for c in table_changes(contract, [now]) if c.source == "a"]
    assert change.kind == kind
    assert change.harmless == (kind in ("narrowed", "never null"))


def test_a_contract_without_recorded_types_is_compared_by_what_it_holds() -> None:
    text = HEAD + "    a = Text(max_length=5)\n    b = dy.Int64(nullable=True)\n"
    live = [
        column("a", "varchar", pl.String(), 9, nullable=False),
        column("b", "int", pl.Int32()),
    ]
    assert [str(c) for c in table_changes(loaded(text), live)] == [
        "widened: a (String(5) not null → varchar(9) not null)"
    ]


def test_check_tells_and_update_mends(tmp_path: Path) -> None:
    tree = Tree.copied(tmp_path)
    (tree.root / "data").mkdir()
    file = tree.root / "data" / "warehouse.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("create table lines (id integer primary key, note varchar(5))")
        connection.execute("insert into lines values (1, 'a')")
    assert tree.etl("new", "copied-lines", "--from-table", "warehouse.lines").returncode == 0
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("alter table lines add column qty int")
        connection.execute("alter table lines drop column note")
    checked = tree.etl("check")
    assert checked.returncode == 1
    told = " ".join(checked.stdout.split())
    assert (
        "removed: note (varchar(5)); added: qty (int). `etl contract update copied-lines`" in told
    )
    before = tree.files()
    shown = tree.etl("contract", "update", "copied-lines")
    assert shown.returncode == 0
    assert '\n+    qty = dy.Int64(nullable=True, metadata={"source_type": "int"})\n' in shown.stdout
    assert tree.files() == before
    assert tree.etl("contract", "update", "copied-lines", "--apply").stdout == shown.stdout
    assert tree.etl("contract", "update", "copied-lines").stdout == "no difference\n"
    done = tree.etl("run", "copied-lines")
    assert "1 inserted" in done.stdout, done.stderr
