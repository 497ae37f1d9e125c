"""A peer of Kestra's REST API: flows with revisions and namespace files over real HTTP."""

from __future__ import annotations

from tests.kestra_server.server import FAULTS, Asked, KestraServer

__all__ = ["FAULTS", "Asked", "KestraServer"]
