"""What hangs on a table outlasts every mode: trigger, index, foreign keys, grants, defaults."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from etl.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Door

MODES = ["append", "insert", "upsert", "replace", "sync"]
OLD = pl.DataFrame({"id": [1, 2], "kind": [1, 1], "note": ["a", "b"]})
NEW = pl.DataFrame({"id": [2, 3], "kind": [1, 2], "note": ["changed", "new"]})
# By mode: rows afterwards, and the ids whose insert and whose update a trigger saw.
AFTER = {
    "append": ([(1, 1, "a"), (2, 1, "b"), (3, 2, "new")], [3], []),
    "insert": ([(1, 1, "a"), (2, 1, "b"), (3, 2, "new")], [3], []),
    "upsert": ([(1, 1, "a"), (2, 1, "changed"), (3, 2, "new")], [3], [2]),
    "replace": ([(2, 1, "changed"), (3, 2, "new")], [2, 3], []),
    "sync": ([(2, 1, "changed"), (3, 2, "new")], [3], [2]),
}


class Kept:
    """A table with a trigger that writes a log, a unique index, a foreign key, and a grant."""

    def __init__(self, door: Door) -> None:
        self.door = door
        kinds = door.create("id INTEGER NOT NULL PRIMARY KEY", "kinds")
        door.write(pl.DataFrame({"id": [1, 2]}), kinds)
        self.log = door.create("what VARCHAR(9), id INTEGER", "log")
        self.table = door.create(
            f"id INTEGER NOT NULL, kind INTEGER REFERENCES {door.quoted(kinds)} (id), "
            "note VARCHAR(20) DEFAULT 'none'",
            "kept",
        )
        self.suffix = uuid.uuid4().hex[:10]
        at, log = door.quoted(self.table), door.quoted(self.log)
        door.execute(f"CREATE UNIQUE INDEX kept_{self.suffix} ON {at} (id)")
        for statement in TRIGGERS[door.dialect]:
            door.execute(statement.format(at=at, log=log, suffix=self.suffix))
        if door.dialect in {"postgresql", "mssql"}:
            door.execute(f"CREATE ROLE kept_{self.suffix}")
            door.execute(f"GRANT SELECT ON {at} TO kept_{self.suffix}")

    def seen(self, what: str) -> list[int]:
        rows = self.door.read(self.log).filter(pl.col("what") == what)
        return sorted(rows["id"].to_list())

    def forget(self) -> None:
        self.door.execute(f"DELETE FROM {self.door.quoted(self.log)}")

    def drop(self) -> None:
        door = self.door
        if door.dialect == "postgresql":
            door.execute(f"DROP OWNED BY kept_{self.suffix}")
            door.execute(f"DROP ROLE kept_{self.suffix}")
            door.execute(f"DROP TABLE {door.quoted(self.table)}")
            door.execute(f"DROP FUNCTION kept_{self.suffix}()")
        if door.dialect == "mssql":
            door.execute(f"REVOKE SELECT ON {door.quoted(self.table)} FROM kept_{self.suffix}")
            door.execute(f"DROP ROLE kept_{self.suffix}")

    def granted(self) -> bool:
        sql = {
            "postgresql": f"select has_table_privilege('kept_{self.suffix}', '{self.table}', 'SELECT') as g",
            "mssql": "select count(*) as g from sys.database_permissions p join sys.database_principals r "
            f"on r.principal_id = p.grantee_principal_id where r.name = 'kept_{self.suffix}' "
            "and p.permission_name = 'SELECT'",
        }[self.door.dialect]
        return bool(self.door.read(sql)["g"].item())


TRIGGERS: dict[str, list[str]] = {
    "sqlite": [
        (
            "CREATE TRIGGER kept_i_{suffix} AFTER INSERT ON {at} BEGIN "
            "INSERT INTO {log} VALUES ('insert', new.id); END"
        ),
        (
            "CREATE TRIGGER kept_u_{suffix} AFTER UPDATE ON {at} BEGIN "
            "INSERT INTO {log} VALUES ('update', new.id); END"
        ),
    ],
    "postgresql": [
        (
            "CREATE FUNCTION kept_{suffix}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO {log} VALUES (lower(tg_op), new.id); RETURN new; END $$"
        ),
        (
            "CREATE TRIGGER kept_{suffix} AFTER INSERT OR UPDATE ON {at} "
            "FOR EACH ROW EXECUTE FUNCTION kept_{suffix}()"
        ),
    ],
    "mssql": [
        (
            "CREATE TRIGGER kept_i_{suffix} ON {at} AFTER INSERT AS "
            "INSERT INTO {log} SELECT 'insert', id FROM inserted"
        ),
        (
            "CREATE TRIGGER kept_u_{suffix} ON {at} AFTER UPDATE AS "
            "INSERT INTO {log} SELECT 'update', id FROM inserted"
        ),
    ],
    "duckdb": [],  # it has no triggers, and no grants
}


@pytest.fixture
def kept(door: Door) -> Iterator[Kept]:
    made = Kept(door)
    yield made
    made.drop()


@pytest.mark.parametrize("loader", ["first", "last"])
@pytest.mark.parametrize("mode", MODES)
def test_everything_that_hangs_on_a_table_outlasts_the_mode(
    kept: Kept, mode: Any, loader: str
) -> None:
    door = kept.door
    door.write(OLD, kept.table)
    kept.forget()
    frame = NEW.filter(pl.col("id") > 2) if mode == "append" else NEW
    rows, inserts, updates = AFTER[mode]
    name = door.database.loaders[0 if loader == "first" else -1]
    door.write(frame, kept.table, mode=mode, key="id", loader=name, workers=2)
    assert sorted(door.read(kept.table).rows()) == rows
    if TRIGGERS[door.dialect]:
        assert (kept.seen("insert"), kept.seen("update")) == (inserts, updates)
    with pytest.raises(LoadError):  # the index
        door.write(NEW[:1], kept.table)
    door.write(pl.DataFrame({"id": [9]}), kept.table)  # the default
    assert door.read(kept.table).filter(pl.col("id") == 9)["note"].item() == "none"
    if door.dialect != "sqlite":  # whose foreign keys are off unless a connection asks
        with pytest.raises(LoadError):
            door.write(pl.DataFrame({"id": [10], "kind": [77]}), kept.table)
    # Babelfish takes grants, but its sys.database_permissions is always empty.
    if door.dialect in {"postgresql", "mssql"} and not door.is_babelfish:
        assert kept.granted()
