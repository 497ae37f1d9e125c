"""One run of a job at a time: two that interleave would read one state and write another."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from etl.contracts.bookkeeping import RUNS_TABLE, EtlRuns
from etl.errors import EtlError
from etl.io import db_helper as db
from etl.io.databases import open_database
from etl.io.locks import run_lock
from etl.io.tables import live_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from etl.config import DatabaseSettings

__all__ = ["alone"]

log = logging.getLogger(__name__)


@contextmanager
def alone(
    job: str, databases: Iterable[DatabaseSettings], *, wait: float, lock: str | None = None
) -> Iterator[Callable[[], None]]:
    """Hold the job's lock in each of the databases; gives a check that they are still held.

    ``lock`` is the name of a lock that the job shares with others; by default it has its own.

    Raises
    ------
    TransientError
        Another run of the job holds one, also after ``wait`` seconds.
    """
    # Two names of one database are one lock, which a run must not wait for itself.
    distinct = {dataclasses.replace(at, name=""): at for at in databases}
    with ExitStack() as stack:
        held = [
            stack.enter_context(
                run_lock(
                    open_database(settings),
                    f"job {lock or job}",
                    wait=wait,
                    holder=lambda at=settings: _holder(at, job),  # type: ignore[misc]
                )
            )
            for settings in distinct.values()
        ]

        def still_held() -> None:
            for check in held:
                check()

        yield still_held


def _holder(settings: DatabaseSettings, job: str) -> str:
    """The run that has not said yet how it ended, in words; nothing where none is known."""
    try:
        if live_columns(settings, RUNS_TABLE) is None:
            return ""
        runs = db.read_frame(
            f"select * from {RUNS_TABLE} where job = :job and status = 'running'",
            settings,
            params={"job": job},
            contract=EtlRuns,
        )
    except EtlError as error:  # that another run holds the lock is what has to be told
        log.info("who runs job %s is not known: %s", job, error)
        return ""
    if runs.is_empty():
        return ""
    latest = runs.sort("started_at", "attempt").row(-1, named=True)
    return f"run {latest['run_id']}, since {latest['started_at']:%Y-%m-%d %H:%M:%S} UTC"
