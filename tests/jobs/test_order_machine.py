"""Order staging by the real steps, against a board that fails, lies, stalls and dies, in any order.

No order is lost, none is on the board twice, and no quantity changes on the way.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from etl.io.databases import close_databases
from etl.io.monday.board_store import BoardStore
from etl.runner import execute
from tests.jobs.orders import Line, Works
from tests.monday_server import MondayServer
from tests.monday_server.faults import Fault

if TYPE_CHECKING:
    from etl.runner import RunResult

STEPS = ("load", "items", "subitems", "promote")
# Work that is done, in part or as a whole, and is then answered by an error; and errors instead
# of work. All of them ask the client to come again at once.
SHORT = st.sampled_from(["overloaded", "limit-now"])
LASTING = ("overloaded", "unauthorized", "refused")


class Death(BaseException):
    """The process ends here: nothing catches it."""


class Orders(RuleBasedStateMachine):
    """Orders come, change and go to the board, by any steps, over any faults."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.store = BoardStore(Path(self.place.name) / "board.db")
        self.works = Works(Path(self.place.name), self.store)
        self.now = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)
        self.lines: dict[str, Line] = {}
        self.versions: dict[str, list[Line]] = {}
        self.loaded: set[str] = set()
        self.server = self.started()

    def started(self) -> MondayServer:
        return MondayServer(store=self.store).__enter__()

    def run(self, job: str, steps: tuple[str, ...] | None = None, **more: Any) -> RunResult:
        self.now += dt.timedelta(minutes=1)
        environment = {
            "MONDAY_API_URL": self.server.url,
            "MONDAY_API_TOKEN": str(self.server.token),
        }
        with mock.patch.dict(os.environ, environment):
            return execute(job, self.works.config, steps=steps, now=self.now, **more)

    @initialize(count=st.integers(1, 5))
    def first_orders(self, count: int) -> None:
        self.sell(count)

    @rule(count=st.integers(1, 4))
    def sell(self, count: int) -> None:
        """New orders, some without sizes."""
        for number in range(len(self.versions), len(self.versions) + count):
            line = Line(
                number, sizes=(number % 3, 2, None, 5) if number % 4 else (None, 0, None, 3)
            )
            self.lines[line.key] = line
            self.versions[line.key] = [line]
        self.works.order(list(self.lines.values()))

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), quantity=st.integers(0, 9))
    def correct(self, data: st.DataObject, quantity: int) -> None:
        """An order changes at the source."""
        key = data.draw(st.sampled_from(sorted(self.lines)))
        old = self.lines[key]
        line = Line(
            old.number, po=f"PO-{quantity}", sizes=(quantity, *old.sizes[1:2], quantity or None, 1)
        )
        self.lines[key] = line
        self.versions[key].append(line)
        self.works.order(list(self.lines.values()))

    @precondition(lambda self: len(self.loaded & set(self.lines)) > 1)
    @rule(data=st.data())
    def archive(self, data: st.DataObject) -> None:
        """An order that was staged is gone at the source: it was ordered all the same."""
        del self.lines[data.draw(st.sampled_from(sorted(self.loaded & set(self.lines))))]
        self.works.order(list(self.lines.values()))

    @rule(
        job=st.sampled_from(["order-staging", "bulk-orders"]),
        steps=st.sampled_from(
            [None, None, STEPS[:1], STEPS[1:2], STEPS[2:3], STEPS[3:], STEPS[1:3]]
        ),
    )
    def work(self, job: str, steps: tuple[str, ...] | None) -> None:
        """A run, or a part of one, with nothing in its way."""
        result = self.run(job, steps)
        assert result.error is None
        self.know()

    @rule(name=SHORT, upto=st.sampled_from([None, 0, 1, 2]), skip=st.integers(0, 6), times=st.integers(1, 3))  # fmt: skip
    def work_over_faults(self, name: str, upto: int | None, skip: int, times: int) -> None:
        """Requests that fail before, in the middle of or after their work."""
        self.server.faults = [Fault(name, times=times, upto=upto, skip=skip)]
        assert self.run("order-staging").error is None
        self.server.faults = []
        self.know()

    @rule(name=st.sampled_from(LASTING), upto=st.sampled_from([None, 0, 1]), skip=st.integers(0, 6))
    def work_until_it_fails(self, name: str, upto: int | None, skip: int) -> None:
        """From some request on, none gets an answer that helps, whether it was done or not."""
        self.server.faults = [Fault(name, times=None, upto=upto, skip=skip)]
        self.run("order-staging")
        self.server.faults = []
        self.know()

    @rule(after=st.integers(0, 25), lie=st.booleans())
    def die(self, after: int, lie: bool) -> None:
        """The process ends anywhere: while it reads, between two requests, while it loads."""
        calls = iter(range(after))

        def progress(*_: object) -> None:
            if next(calls, None) is None:
                raise Death

        # The last thing that it heard may not have been true.
        self.server.faults = [Fault("overloaded", times=4, upto=None)] if lie else []
        with suppress(Death):
            self.run("order-staging", progress=progress)
        self.server.faults = []
        close_databases()
        self.know()

    @rule()
    def restart_the_board(self) -> None:
        """The board's server forgets what was asked of it, and no item."""
        self.server.__exit__(None, None, None)
        self.server = self.started()

    @rule(hours=st.sampled_from([1, 24, 24 * 8]))
    def wait(self, hours: int) -> None:
        self.now += dt.timedelta(hours=hours)

    def know(self) -> None:
        """No order that was staged once is gone again without being in the schedule."""
        staged = set(self.works.table("staging")["order_key"])
        known = staged | set(self.works.table("schedule")["order_key"])
        assert self.loaded <= known
        self.loaded |= staged

    @invariant()
    def holds(self) -> None:
        self.works.check()

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            self.server.__exit__(None, None, None)
            self.store.close()
            close_databases()
            self.place.cleanup()

    def finish(self) -> None:
        """In the end everything is there, and a run has nothing to do any more."""
        if not self.versions:
            return
        for _ in range(12):
            result = self.run("order-staging")
            assert result.error is None
            left = self.works.table("staging")["status"].to_list()
            if set(left) <= {"PROMOTED"}:
                break
            # What was refused waits for a change at the source.
            for key in self.works.table("staging").filter(error_type="rejected")["order_key"]:
                old = self.versions[key][-1]
                line = Line(old.number, po=f"{old.po}'", sizes=old.sizes)
                self.lines[key] = line
                self.versions[key].append(line)
            self.works.order(list(self.lines.values()))
            self.now += dt.timedelta(days=1)
        else:
            raise AssertionError("some orders never get through")
        self.works.check_whole(self.versions)
        again = self.run("bulk-orders")
        assert (again.error, again.rows_written, again.calls) == (None, 0, ())


def test_no_order_is_lost_and_none_is_twice_whatever_happens() -> None:
    run_state_machine_as_test(Orders, settings=settings(max_examples=4, stateful_step_count=6))
