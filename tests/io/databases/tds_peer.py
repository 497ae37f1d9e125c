"""SQL Server's wire protocol over sample rows, by pysqlbridge, and a way to cut the wire.

The bridge reads only, and lacks what a load needs: permanent tables, application locks, batched
remote calls (``fast_executemany`` waits for ever) and ``sp_tablecollations_100`` (bulk copy). What
it lacks for a read, prepared statements, is added here: both drivers send every parametrised
query as ``sp_prepexec``.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from pysqlbridge.catalog import load as load_catalog
from pysqlbridge.logins import Login, LoginStore, hash_password
from pysqlbridge.server import start_background
from pysqlbridge.tds.result import Query

from etl.config import DatabaseSettings

if TYPE_CHECKING:
    from pathlib import Path

USER = "etl"
# Everything that a connection string has to escape.
PASSWORD = " p;w}{='\" é€"


class TdsPeer:
    """A SQL Server of ours on a free port, with TLS and a self-signed certificate."""

    def __init__(self, directory: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
        entries = []
        for name, rows in tables.items():
            (directory / f"{name}.json").write_text(json.dumps(rows))
            entries.append({"name": name, "json": f"{name}.json"})
        config = directory / "bridge.json"
        config.write_text(json.dumps({"tables": entries}))
        self._catalog = load_catalog(config)
        # Few rounds: the bridge hashes at every login.
        secret = hash_password(PASSWORD, iterations=1000)
        logins = LoginStore([Login(user=USER, secret=secret, hashed=True)])
        self._server, self._thread = start_background(query_handler=self._answer, logins=logins)
        self.host, self.port = self._server.address

    def _answer(self, query: Any) -> Any:
        if query.procedure == "sp_prep_exec":
            _, declarations, statement, *values = query.arguments
            names = [part.split()[0] for part in (declarations or "").split(",") if part]
            query = Query(
                sql=statement,
                parameters=dict(zip(names, values, strict=True)),
                session=query.session,
            )
        return self._catalog.answer(query)

    def settings(self, driver: str, **changes: Any) -> DatabaseSettings:
        """How to reach it; ``changes`` are fields of the settings."""
        return DatabaseSettings(
            **{
                "name": "peer",
                "engine": "mssql",
                "host": self.host,
                "port": self.port,
                "database": "pysqlbridge",
                "username": USER,
                "password": SecretStr(PASSWORD),
                "driver": driver,
                "trust_server_certificate": True,
                "connect_timeout": 5,
                **changes,
            }
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class CutWire:
    """A TCP proxy that closes a connection once the server has sent so many bytes."""

    def __init__(self, host: str, port: int, after: int) -> None:
        self._target, self._after = (host, port), after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(self._target)
            for source, sink, limit in ((client, server, None), (server, client, self._after)):
                threading.Thread(target=_pump, args=(source, sink, limit), daemon=True).start()

    def close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
    passed = 0
    with suppress(OSError):
        while data := source.recv(4096):
            passed += len(data)
            if limit is not None and passed > limit:
                break
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
