"""Faults at random, none of which asks for a wait: what a client must survive, as often as it likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.monday_server.faults import Fault

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["chaos"]


def chaos(part: float, rng: random.Random) -> Callable[[int], Fault | None]:
    """Make a fault of that part of the requests: before, after or in the middle of the work."""

    def fault(_: int) -> Fault | None:
        if rng.random() >= part:
            return None
        name = rng.choice(["overloaded", "limit-now", "overloaded"])
        upto = 0 if name == "limit-now" else rng.choice([None, 0, rng.randrange(1, 20)])
        return Fault(name, upto=upto)

    return fault
