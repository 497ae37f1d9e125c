"""A peer of monday.com's API: GraphQL over real HTTP, with switches for what goes wrong there."""

from __future__ import annotations

from tests.monday_server.boards import add_board
from tests.monday_server.faults import FAULTS
from tests.monday_server.ingesting import Imports
from tests.monday_server.server import OWN_SCHEMA, REAL_SCHEMA, Asked, MondayServer, PeerBoard

__all__ = [
    "FAULTS",
    "OWN_SCHEMA",
    "REAL_SCHEMA",
    "Asked",
    "Imports",
    "MondayServer",
    "PeerBoard",
    "add_board",
]
