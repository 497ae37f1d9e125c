"""Run the peer by itself: ``python -m tests.monday_server --rows 1200 --fault bad-gateway:2``.

It prints its address, answers until it is stopped, and ends with its standard input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.monday_server.faults import FAULTS
from tests.monday_server.server import OWN_SCHEMA, MondayServer, PeerBoard


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="tests.monday_server")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--board", default="9200517329")
    parser.add_argument("--token", default="peer-token-7f3a")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--schema", type=Path, default=OWN_SCHEMA)
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:PAGE[:TIMES]]",
        help=f"one of {', '.join(FAULTS)}; without TIMES for ever",
    )
    options = parser.parse_args()
    board = PeerBoard.sample(options.rows, id=options.board)
    server = MondayServer([board], token=options.token, sdl=options.schema, port=options.port)
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
