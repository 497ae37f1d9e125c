"""A frame's rows over several connections at once."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl

__all__ = ["send_side_by_side"]

_PART_ROWS: Final = 50_000
_LEAST_ROWS: Final = 1_000


def send_side_by_side(
    batches: Iterable[pl.DataFrame],
    send: Callable[[Any, pl.DataFrame], None],
    *,
    first: Any,
    connect: Callable[[], Any],
    workers: int,
) -> int:
    """Send batches, each over one of at most so many connections; gives the rows that were sent.

    The batches are made in the caller's thread, one ahead of the workers: memory stays constant.
    After an error no batch is begun, and those under way are waited for.

    Parameters
    ----------
    batches
        Frames; large ones are cut, so that every worker gets a part.
    send
        Sends a frame over a connection, and commits.
    first
        An open connection, which the caller closes; others are opened as they are needed.
    connect
        Opens one more.
    workers
        1 sends everything over ``first``, in the caller's thread.

    Examples
    --------
    >>> import polars as pl
    >>> sent = []
    >>> frames = [pl.DataFrame({"a": range(3000)})] * 2
    >>> def send(connection, frame):
    ...     sent.append((connection, frame.height))
    >>> send_side_by_side(frames, send, first="a", connect=str, workers=1), sent
    (6000, [('a', 3000), ('a', 3000)])
    """
    if workers == 1:
        rows = 0
        for batch in batches:
            send(first, batch)
            rows += batch.height
        return rows

    idle = [first]
    with ExitStack() as opened, ThreadPoolExecutor(workers) as pool:

        def one(part: pl.DataFrame) -> int:
            try:
                connection = idle.pop()
            except IndexError:
                connection = opened.enter_context(closing(connect()))
            send(connection, part)
            idle.append(connection)
            return part.height

        running: set[Future[int]] = set()
        rows = 0
        for part in _parts(batches, workers):
            running.add(pool.submit(one, part))
            if len(running) == workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                rows += sum(future.result() for future in done)
        return rows + sum(future.result() for future in running)


def _parts(batches: Iterable[pl.DataFrame], workers: int) -> Iterator[pl.DataFrame]:
    for batch in batches:
        share = -(-batch.height // workers)
        yield from batch.iter_slices(min(_PART_ROWS, max(_LEAST_ROWS, share)))
