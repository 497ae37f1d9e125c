"""A passing fault is met by writing again, and what was committed is never written twice."""

from __future__ import annotations

import dataclasses
import socket
import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from pydantic import SecretStr

from etl.errors import ContractError, LoadError, TransientError
from etl.io import db_helper as db
from etl.io.databases import close_databases, open_database
from etl.io.retrying import LOADS_TABLE
from tests.databases import Door, settings_of
from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FRAME = pl.DataFrame({"id": [1, 2], "note": ["a", "b"]})


def hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):  # it hung up first
            end.shutdown(socket.SHUT_RDWR)


class Wire:
    """A proxy that loses the server's answers from the moment a client says certain bytes."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lose_after: bytes | None = None
        self.deliver = True
        """Whether the server still gets those bytes."""
        self.lost = 0
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed: the end
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._ends += [client, server]
                dead = threading.Event()
                for run in (self._up, self._down):
                    self._threads.append(threading.Thread(target=run, args=(client, server, dead)))
                    self._threads[-1].start()

    def _up(self, client: socket.socket, server: socket.socket, dead: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self.lose_after is not None and self.lose_after in data:
                    self.lose_after = None
                    self.lost += 1
                    dead.set()
                    if not self.deliver:
                        hang_up(client, server)
                        return
                server.sendall(data)

    def _down(self, client: socket.socket, server: socket.socket, dead: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if dead.is_set():
                    break
                client.sendall(data)
        hang_up(client, server)

    def close(self) -> None:
        hang_up(self._listener, *self._ends)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[Door, Wire]]:
    direct = settings_of("postgresql", tmp_path)
    wire = Wire(direct.host or "127.0.0.1", direct.port or 5432)
    settings = dataclasses.replace(
        direct, host="127.0.0.1", port=wire.port, options={**direct.options, "sslmode": "disable"}
    )
    door = Door("postgresql", settings)
    yield door, wire
    wire.lose_after = None
    door.drop_tables()
    close_databases()
    wire.close()


@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize("source", ["frame", "stream"])
def test_a_lost_acknowledgement_never_doubles_an_append(
    wired: tuple[Door, Wire], delivered: bool, source: str
) -> None:
    door, wire = wired
    table = door.table()
    door.write(FRAME, table)
    wire.lose_after, wire.deliver = b"COMMIT", delivered
    more = FRAME.with_columns(pl.col("id") + 10)
    if source == "stream" and not delivered:
        with pytest.raises(TransientError, match="the stream can't be read again"):
            door.write(iter([more]), table)
        assert door.read(table).height == 2
    else:
        assert door.write(more if source == "frame" else iter([more]), table).inserted == 2
        assert sorted(door.read(table)["id"]) == [1, 2, 11, 12]
    assert wire.lost == 1


def test_a_connection_lost_half_way_is_made_anew(wired: tuple[Door, Wire]) -> None:
    door, wire = wired
    table = door.table()
    door.write(FRAME, table)
    wire.lose_after, wire.deliver = b"COPY", False
    assert door.write(FRAME, table, mode="replace").deleted == 2
    assert wire.lost == 1
    assert door.read(table).height == 2


def test_every_load_of_a_server_is_in_its_ledger(tmp_path: Path) -> None:
    door = Door("postgresql", settings_of("postgresql", tmp_path))
    table = door.table()
    sql = f"select count(*) as n from {LOADS_TABLE} where table_name = :name"
    try:
        door.write(FRAME, table)
        door.write(FRAME, table, mode="replace")
        assert door.read(sql, params={"name": table.strip('"')})["n"].to_list() == [2]
    finally:
        door.drop_tables()


def test_a_login_without_rights_on_the_ledger_loads_and_is_told_what_it_lacks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door("postgresql", settings_of("postgresql", tmp_path))
    may = "select rolsuper or rolcreaterole as may from pg_roles where rolname = current_user"
    require(door.read(may)["may"].item(), "a PostgreSQL login that may create roles")
    table, login = door.table(), f"etl_test_{uuid.uuid4().hex[:10]}"
    other = dataclasses.replace(door.settings, username=login, password=SecretStr(login))
    door.write(FRAME, table)
    door.execute(f"create role {login} login password '{login}'")
    try:
        door.execute(f"grant select, insert, update, delete on {door.quoted(table)} to {login}")
        assert db.write_frame(FRAME, table, other, mode="replace").deleted == 2
        [told] = [r.getMessage() for r in caplog.records if LOADS_TABLE in r.getMessage()]
        assert "permission denied" in told
        assert "grant it SELECT, INSERT and DELETE" in told
    finally:
        open_database(other).close()
        door.drop_tables()
        door.execute(f"drop role {login}")


def failing(times: int, error: Callable[[], Exception]) -> Any:
    """A LazyFrame that fails so many times when it is collected, then gives the frame."""
    left = [times]

    def give(frame: pl.DataFrame) -> pl.DataFrame:
        if left[0]:
            left[0] -= 1
            raise error()
        return frame

    class Source:
        def __iter__(self) -> Iterator[pl.DataFrame]:
            yield give(FRAME)

    return Source(), left


def test_only_a_transient_fault_is_tried_again(door: Door) -> None:
    table = door.table()
    source, left = failing(2, lambda: TransientError("deadlock victim"))
    assert door.write(source, table).inserted == 2
    assert left == [0]
    for kind in (LoadError, ContractError):
        source, left = failing(2, lambda kind=kind: kind("no"))  # type: ignore[misc]
        with pytest.raises(kind, match="no"):
            door.write(source, table)
        assert left == [1]
    assert door.read(table).height == 2


def test_a_fault_that_lasts_is_told_in_the_end(door: Door) -> None:
    table = door.table()
    source, left = failing(99, lambda: TransientError("deadlock victim"))
    with pytest.raises(TransientError, match="deadlock victim"):
        door.write(source, table)
    assert left == [95]
    assert db.table_columns(table, door.settings) is None
