"""A clock that only waiting moves, and clients of a peer that runs for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from etl.io.monday.client import MondayClient
from tests.monday_server import MondayServer, PeerBoard


@dataclass
class Clock:
    """Time as the client sees it: it passes by sleeping alone, and every sleep is remembered."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Serve = Callable[..., tuple[MondayServer, MondayClient]]


@pytest.fixture
def serve(clock: Clock) -> Iterator[Serve]:
    """Start a peer with a board of so many rows, and open a client to it."""
    with ExitStack() as stack:

        def start(
            board: PeerBoard | int = 20, *, client: dict[str, Any] | None = None, **options: Any
        ) -> tuple[MondayServer, MondayClient]:
            held = PeerBoard.sample(board) if isinstance(board, int) else board
            server = stack.enter_context(MondayServer([held], **options))
            token = SecretStr(server.token) if server.token else None
            asked: dict[str, Any] = {"sleep": clock.sleep, "clock": clock, **(client or {})}
            return server, stack.enter_context(MondayClient(server.url, token, **asked))

        yield start
