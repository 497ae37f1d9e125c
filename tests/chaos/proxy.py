"""A wire between a loader and its server, that can be cut."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Any, Final

__all__ = ["Proxy"]

_BYTES: Final = 65_536
# Close with a reset, as a network that went away looks: no goodbye.
_RESET: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards TCP connections to a server, byte for byte."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        # Wakes accept(), which close() alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
                with self._lock:
                    self._open += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # cut, or the other end hung up
            while data := source.recv(_BYTES):
                target.sendall(data)
        self._close(source, target)

    def _close(self, *ends: socket.socket) -> None:
        with self._lock:
            for end in ends:
                if end in self._open:
                    self._open.remove(end)
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                    end.close()

    def cut(self) -> int:
        """Reset every connection; gives how many there were."""
        with self._lock:
            ends = list(self._open)
            for end in ends:
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close(*ends)
        return len(ends) // 2
