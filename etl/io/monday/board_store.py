"""Boards kept in an SQLite file: items, groups and subitems that can be written, as monday keeps them.

The writable sample boards are kept here, and so are those of the tests' server. Every change is one
transaction: a process that is killed leaves all of it or nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from etl.io.monday._written_cells import BadValue, checked, written_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["BadValue", "BoardStore", "Refused"]

_FIRST_ITEM: Final = 8_100_000_000
_TABLES: Final = """
create table if not exists boards (
  id text primary key, name text not null, columns text not null, key_column text, parent text);
create table if not exists groups (
  board text not null, id text not null, title text not null, position integer not null,
  archived integer not null default 0, deleted integer not null default 0,
  primary key (board, id)) without rowid;
create table if not exists items (
  id integer primary key, board text not null, group_id text, parent integer, name text not null,
  state text not null default 'active', created_at text not null, updated_at text not null,
  key text, cells text not null);
create index if not exists items_of_board on items (board, state, id);
create index if not exists items_of_key on items (board, key);
create index if not exists items_of_parent on items (parent);
"""
_ITEM: Final = (
    "select i.id, i.name, i.created_at, i.updated_at, i.group_id, g.title, i.parent, i.board,"
    " i.state, i.cells from items i left join groups g on g.board = i.board and g.id = i.group_id "
)


class Refused(ValueError):  # noqa: N818 - it is an answer, not a fault of the store
    """A change that monday would refuse; ``code`` is how monday calls it."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class BoardStore:
    """Boards in one SQLite file.

    Parameters
    ----------
    path
        The file, made when it is not there; ``":memory:"`` for one that is gone with the process.

    Examples
    --------
    >>> store = BoardStore(":memory:")
    >>> store.add_board("7", "Orders", [{"id": "qty", "title": "Qty", "type": "numbers"}])
    >>> with store.transaction():
    ...     item = store.create_item("7", None, "Linen shirt", {"qty": "40"})
    >>> [(found["name"], found["column_values"][0]["number"]) for found in store.items([item])]
    [('Linen shirt', 40.0)]
    >>> store.close()
    """

    def __init__(self, path: Path | str) -> None:
        self.connection = sqlite3.connect(
            path, timeout=60, isolation_level=None, check_same_thread=False
        )
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = normal")
        self.connection.executescript(_TABLES)
        self._columns: dict[str, dict[str, dict[str, Any]]] = {}

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do what is inside as a whole, or not at all."""
        self.connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def add_board(
        self,
        board: str,
        name: str,
        columns: Iterable[Mapping[str, Any]],
        *,
        key: str | None = None,
        parent: str | None = None,
        groups: Sequence[tuple[str, str]] = (("topics", "Items"),),
    ) -> None:
        """Add a board, or bring the columns of one that is there up to date.

        Parameters
        ----------
        board, name
            Its number and its name.
        columns
            Each with ``id``, ``title``, ``type``, and perhaps ``archived`` and ``settings``.
        key
            The text column that items are found by quickly.
        parent
            The board whose subitems it holds.
        groups
            (id, title) of the groups that a new board has.
        """
        full = [{"archived": False, "settings": None, **column} for column in columns]
        with self.transaction():
            self.connection.execute(
                "insert into boards values (?, ?, ?, ?, ?) on conflict (id) do update set "
                "name = excluded.name, columns = excluded.columns, "
                "key_column = excluded.key_column, parent = excluded.parent",
                (board, name, json.dumps(full), key, parent),
            )
            [count] = self.connection.execute(
                "select count(*) from groups where board = ?", (board,)
            ).fetchone()
            if count == 0:
                self.connection.executemany(
                    "insert into groups (board, id, title, position) values (?, ?, ?, ?)",
                    [(board, one, title, place) for place, (one, title) in enumerate(groups)],
                )
        self._columns.pop(board, None)

    def board(self, board: str) -> dict[str, Any] | None:
        """Describe a board as ``boards`` gives it; None where there is none."""
        found = self.connection.execute(
            "select name, columns from boards where id = ?", (board,)
        ).fetchone()
        if found is None:
            return None
        [items] = self.connection.execute(
            "select count(*) from items where board = ? and state = 'active'", (board,)
        ).fetchone()
        return {
            "id": board,
            "name": found[0],
            "items_count": items,
            "columns": json.loads(found[1]),
            "groups": self.groups(board),
        }

    def groups(self, board: str) -> list[dict[str, Any]]:
        """Give a board's groups in their order, those archived or deleted too."""
        rows = self.connection.execute(
            "select id, title, position, archived, deleted from groups where board = ?"
            " order by position",
            (board,),
        )
        return [
            {
                "id": group,
                "title": title,
                "position": f"{65536 * (position + 1)}.0",
                "color": "#579bfc",
                "archived": bool(archived),
                "deleted": bool(deleted),
            }
            for group, title, position, archived, deleted in rows
        ]

    def create_group(self, board: str, title: str) -> str:
        """Add a group at the end, whatever its title: titles may repeat."""
        if not title.strip() or len(title) > 255:
            raise Refused("a group's title has 1 to 255 characters", "InvalidArgumentException")
        [place] = self.connection.execute(
            "select count(*) from groups where board = ?", (board,)
        ).fetchone()
        group = f"group_{place}"
        self.connection.execute(
            "insert into groups (board, id, title, position) values (?, ?, ?, ?)",
            (board, group, title, place),
        )
        return group

    def create_item(
        self,
        board: str,
        group: str | None,
        name: str,
        cells: Mapping[str, Any],
        *,
        create_labels: bool = False,
    ) -> int:
        """Create an item; without a group in the first one.

        Raises
        ------
        Refused
            monday would refuse it.
        """
        alive = [one for one in self.groups(board) if not one["archived"] and not one["deleted"]]
        if group is None and alive:
            group = alive[0]["id"]
        if group is None or group not in [one["id"] for one in alive]:
            raise Refused(f"there is no group {group}", "InvalidGroupIdException")
        return self._create(board, group, None, name, cells, create_labels=create_labels)

    def create_subitem(
        self, parent: int, name: str, cells: Mapping[str, Any], *, create_labels: bool = False
    ) -> int:
        """Create a subitem below an item.

        Raises
        ------
        Refused
            monday would refuse it: there is no such item, for one.
        """
        found = self.connection.execute(
            "select b.id from items i join boards b on b.parent = i.board"
            " where i.id = ? and i.state = 'active'",
            (parent,),
        ).fetchone()
        if found is None:
            raise Refused(f"there is no item {parent}", "ItemNotFoundException")
        return self._create(found[0], "topics", parent, name, cells, create_labels=create_labels)

    def change(
        self, board: str, item: int, cells: Mapping[str, Any], *, create_labels: bool = False
    ) -> None:
        """Change cells of an item; ``name`` renames it, null empties a cell.

        Raises
        ------
        Refused
            monday would refuse it.
        """
        found = self.connection.execute(
            "select name, cells from items where id = ? and board = ? and state = 'active'",
            (item, board),
        ).fetchone()
        if found is None:
            raise Refused(f"there is no item {item} on this board", "ItemNotFoundException")
        name, now = found[0], json.loads(found[1])
        changes = dict(cells)
        if "name" in changes:
            name = self._name(changes.pop("name"))
        self._check(board, changes, create_labels=create_labels)
        now = {id_: value for id_, value in {**now, **changes}.items() if value is not None}
        self.connection.execute(
            "update items set name = ?, cells = ?, key = ?, updated_at = ? where id = ?",
            (name, json.dumps(now), self._key(board, now), _now(), item),
        )

    def set_state(self, item: int, state: str) -> None:
        """Archive or delete an item, or bring it back."""
        self.connection.execute("update items set state = ? where id = ?", (state, item))

    def items(self, ids: Iterable[int], *, active_only: bool = True) -> list[dict[str, Any]]:
        """Give the items of some ids."""
        wanted = json.dumps(list(ids))
        state = " and i.state = 'active'" if active_only else ""
        rows = self.connection.execute(
            _ITEM + f"where i.id in (select value from json_each(?)){state} order by i.id",
            (wanted,),
        )
        return [self._item(row) for row in rows]

    def find(self, board: str, column: str, values: Sequence[str]) -> list[dict[str, Any]]:
        """Give the active items whose text in a column is one of some values."""
        [key] = self.connection.execute(
            "select key_column from boards where id = ?", (board,)
        ).fetchone()
        text = "i.key" if key == column else f"json_extract(i.cells, '$.\"{column}\"')"
        rows = self.connection.execute(
            _ITEM + f"where i.board = ? and {text} in (select value from json_each(?))"
            " and i.state = 'active' order by i.id",
            (board, json.dumps(list(values))),
        )
        return [self._item(row) for row in rows]

    def page(self, board: str, after: int, limit: int) -> list[dict[str, Any]]:
        """Give a page of the active items, in the order of their ids."""
        rows = self.connection.execute(
            _ITEM + "where i.board = ? and i.state = 'active' and i.id > ? order by i.id limit ?",
            (board, after, limit),
        )
        return [self._item(row) for row in rows]

    def _create(
        self,
        board: str,
        group: str,
        parent: int | None,
        name: str,
        cells: Mapping[str, Any],
        *,
        create_labels: bool,
    ) -> int:
        name = self._name(name)
        self._check(board, cells, create_labels=create_labels)
        kept = {id_: value for id_, value in cells.items() if value is not None}
        now = _now()
        cursor = self.connection.execute(
            "insert into items (id, board, group_id, parent, name, created_at, updated_at, key,"
            " cells) values (coalesce((select max(id) from items), ?) + 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _FIRST_ITEM, board, group, parent, name, now, now, self._key(board, kept),
                json.dumps(kept),
            ),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def _name(self, name: object) -> str:
        if not isinstance(name, str) or not name.strip() or len(name) > 255:
            raise Refused("an item's name has 1 to 255 characters", "ItemNameTooLongException")
        return name

    def _check(self, board: str, cells: Mapping[str, Any], *, create_labels: bool) -> None:
        columns = self.columns(board)
        for id_, value in cells.items():
            column = columns.get(id_)
            if column is None or column["archived"]:
                raise Refused(f"there is no column {id_}", "InvalidColumnIdException")
            try:
                checked(column["type"], value, None if create_labels else _labels(column))
            except BadValue as error:
                raise Refused(f"column {id_}: {error}", "ColumnValueException") from None

    def columns(self, board: str) -> dict[str, dict[str, Any]]:
        """Give a board's columns by id."""
        if board not in self._columns:
            [text] = self.connection.execute(
                "select columns from boards where id = ?", (board,)
            ).fetchone()
            self._columns[board] = {column["id"]: column for column in json.loads(text)}
        return self._columns[board]

    def _key(self, board: str, cells: Mapping[str, Any]) -> str | None:
        [column] = self.connection.execute(
            "select key_column from boards where id = ?", (board,)
        ).fetchone()
        return None if column is None else cells.get(column)

    def _item(self, row: tuple[Any, ...]) -> dict[str, Any]:
        item, name, created, updated, group, title, parent, board, state, cells = row
        written = json.loads(cells)
        return {
            "id": str(item),
            "name": name,
            "created_at": created,
            "updated_at": updated,
            "group": None if title is None else {"id": group, "title": title},
            "parent_item": None if parent is None else {"id": str(parent)},
            "board": {"id": board},
            "state": state,
            "column_values": [
                written_cell(column["type"], id_, written.get(id_))
                for id_, column in self.columns(board).items()
                if not column["archived"] and column["type"] != "name"
            ],
        }


def _labels(column: Mapping[str, Any]) -> list[str] | None:
    settings = column.get("settings")
    return None if not settings else [one["label"] for one in settings.get("labels", [])]


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
