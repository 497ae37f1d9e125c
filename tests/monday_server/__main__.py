"""Run the peer by itself: ``python -m tests.monday_server --rows 1200 --fault bad-gateway:2``.

Beside the planning board it has each board of ``--config`` that can be written; ``--state`` keeps
them in a file. It prints its address, answers until it is stopped, and ends with its standard input.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from etl.io.monday.board_store import BoardStore
from tests.monday_server.boards import writable_boards
from tests.monday_server.chaos import chaos
from tests.monday_server.faults import FAULTS
from tests.monday_server.ingesting import Imports
from tests.monday_server.server import OWN_SCHEMA, MondayServer, PeerBoard

SHIPPED = Path(__file__).parents[2] / "config.yaml"


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="tests.monday_server")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--board", default="9200517329")
    parser.add_argument("--token", default="peer-token-7f3a")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--schema", type=Path, default=OWN_SCHEMA)
    parser.add_argument("--config", type=Path, default=SHIPPED)
    parser.add_argument("--state", default=":memory:", metavar="FILE")
    parser.add_argument(
        "--chaos", type=float, default=0.0, help="the part of requests that go wrong, at random"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:PAGE[:TIMES]]",
        help=f"one of {', '.join(FAULTS)}; without TIMES for ever",
    )
    options = parser.parse_args()
    store = BoardStore(options.state)
    writable_boards(store, options.config)
    server = MondayServer(
        [PeerBoard.sample(options.rows, id=options.board)],
        token=options.token,
        sdl=options.schema,
        port=options.port,
        store=store,
        imports=Imports(store, polls=0),
        chaos=chaos(options.chaos, random.Random(options.seed)),  # noqa: S311
    )
    for fault in options.fault:
        name, page, times, *_ = [*fault.split(":"), None, None]
        server.fail(
            str(name), page=int(page) if page else None, times=int(times) if times else None
        )
    with server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
