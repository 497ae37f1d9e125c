"""What a server holds, item by item, and changing it: all of it, or back to what was there.

A change is made only if the item is still as it was read; what somebody else has saved meanwhile is
never overwritten in silence. After any failure, at whatever request, what was done is undone, and a
request whose answer never came counts as done.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from etl.errors import EtlError
from etl.io.kestra import KestraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from etl.io.kestra import KestraClient

__all__ = ["Change", "Item", "Live", "NotPutBackError", "apply", "read", "same"]

Kind = Literal["folder", "file", "flow"]
_WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_LATE: Final = 3.0


@dataclass(frozen=True, order=True)
class Item:
    """A flow by its id, or a namespace file or folder by its path."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.namespace}"


@dataclass(frozen=True)
class Live:
    """What an item is on the server: its content, None where it is absent; a flow's revision."""

    content: bytes | None
    revision: int | None = None


def same(item: Item, one: bytes | None, other: bytes | None) -> bool:
    """Whether two contents of an item are the same one; around a flow's text, blanks do not count.

    >>> same(Item("flow", "a", "b"), b"id: b", b"id: b\\n"), same(Item("file", "a", "/b"), b"x", b"x\\n")
    (True, False)
    """
    if item.kind == "flow" and one is not None and other is not None:
        return one.strip() == other.strip()
    return one == other


@dataclass(frozen=True)
class Change:
    """What an item is, and what it is to be; None is absent."""

    item: Item
    before: Live
    after: bytes | None

    @property
    def what(self) -> str:
        """The change in a word."""
        if same(self.item, self.before.content, self.after):
            return "unchanged"
        if self.before.content is None:
            return "create"
        return "remove" if self.after is None else "update"


def read(client: KestraClient, item: Item) -> Live:
    """Read an item from the server."""
    if item.kind == "flow":
        flow = client.flow(item.namespace, item.name)
        return Live(flow.source.encode(), flow.revision) if flow else Live(None)
    if item.kind == "file":
        return Live(client.file(item.namespace, item.name))
    return Live(None if client.folder(item.namespace, item.name) is None else b"")


def apply(
    client: KestraClient,
    changes: Sequence[Change],
    *,
    sleep: Callable[[float], object] = time.sleep,
    advance: Callable[[int, int], object] = lambda _done, _total: None,
) -> None:
    """Make changes, in their order; all of them, or none.

    Parameters
    ----------
    client
        The server.
    changes
        What to do; an item that is already as it is to be is left alone.
    sleep
        Waits between attempts to put things back.
    advance
        Called with how many of the changes are made.

    Raises
    ------
    EtlError
        A change failed, or somebody else has changed an item meanwhile; what had been there is
        there again. If even that failed, the error says what is left.
    """
    wanted = [change for change in changes if change.what != "unchanged"]
    attempted: list[_Attempt] = []
    try:
        for at, change in enumerate(wanted):
            attempt = _Attempt(change)
            _expect(client, change)
            attempted.append(attempt)
            with _deferred():
                _make(client, attempt)
            attempt.answered = True
            advance(at + 1, len(wanted))
        _verify(client, wanted)
    except BaseException as error:
        with _undisturbed():
            left = _undo(client, attempted, sleep)
        if left:
            raise NotPutBackError(f"{str(error) or type(error).__name__}; {left}") from error
        raise


class NotPutBackError(EtlError):
    """A change failed, and what was there before is not all there again."""


@dataclass
class _Attempt:
    """A change that was begun, and whether the server has said that it is done."""

    change: Change
    answered: bool = False


def _expect(client: KestraClient, change: Change) -> None:
    """Refuse to go on where somebody else has changed the item since it was read."""
    if change.item.kind == "folder":
        return
    now = read(client, change.item)
    if now.revision != change.before.revision or not same(
        change.item, now.content, change.before.content
    ):
        raise _edited(client, change.item, "since it was read")


def _verify(client: KestraClient, changes: Sequence[Change]) -> None:
    """Look whether the server holds what was sent."""
    for change in changes:
        # A folder goes only when nothing of anybody's is left in it.
        if change.item.kind != "folder" and not same(
            change.item, read(client, change.item).content, change.after
        ):
            raise _edited(client, change.item, "after it was written")


def _edited(client: KestraClient, item: Item, when: str) -> EtlError:
    return EtlError(f"{client.where}: somebody else has changed {item} {when}: nothing is deployed; look at it, and deploy again")  # fmt: skip


def _make(client: KestraClient, attempt: _Attempt) -> None:
    change, item = attempt.change, attempt.change.item
    if item.kind != "flow" or change.after is None:
        _put(client, item, change.before.content, change.after)
        return
    source = change.after.decode()
    if change.before.content is None:
        made = client.create_flow(source)
    else:
        made = client.update_flow(item.namespace, item.name, source)
    expected = (change.before.revision or 0) + 1
    if change.before.content is not None and made.revision > expected:
        # Between the look and the save somebody saved too: theirs is what has to stay.
        theirs = client.flow(item.namespace, item.name, made.revision - 1)
        if theirs is not None:
            before = Live(theirs.source.encode(), theirs.revision)
            attempt.change = replace(change, before=before)
        raise _edited(client, item, "at the same moment")


def _put(client: KestraClient, item: Item, old: bytes | None, new: bytes | None) -> None:
    if item.kind == "folder":
        # Folders come with the files in them, and go when they are empty.
        if new is None and client.folder(item.namespace, item.name) == ():
            client.delete_file(item.namespace, item.name)
    elif item.kind == "file":
        if new is None:
            client.delete_file(item.namespace, item.name)
        else:
            client.put_file(item.namespace, item.name, new)
    elif new is None:
        client.delete_flow(item.namespace, item.name)
    elif old is None:
        client.create_flow(new.decode())
    else:
        client.update_flow(item.namespace, item.name, new.decode())


def _undo(
    client: KestraClient, attempted: Sequence[_Attempt], sleep: Callable[[float], object]
) -> str:
    """Put back what was there, the last change first; gives what could not be, in words."""
    lost = _put_all_back(client, attempted[::-1], sleep)
    late = [attempt for attempt in attempted if not attempt.answered]
    if late:
        # A server that did not answer may be at it still: look again when it has had the time.
        sleep(_LATE)
        lost |= _put_all_back(client, late, sleep)
    if not lost:
        return ""
    told = "; ".join(f"{item} ({why})" for item, why in lost.items())
    return f"what was there before could not be put back for {told}: `etl flows rollback` does it"


def _put_all_back(
    client: KestraClient, attempts: Sequence[_Attempt], sleep: Callable[[float], object]
) -> dict[Item, str]:
    lost: dict[Item, str] = {}
    for attempt in attempts:
        try:
            _insist(lambda attempt=attempt: _put_back(client, attempt), sleep)  # type: ignore[misc]
        except EtlError as error:
            lost[attempt.change.item] = str(error)
    return lost


def _insist(put_back: Callable[[], None], sleep: Callable[[float], object]) -> None:
    for wait in _WAITS:
        try:
            put_back()
        except _TheirsError:
            raise
        except EtlError:
            sleep(wait)
        else:
            return
    put_back()


class _TheirsError(EtlError):
    """What is there now is somebody else's."""


def _put_back(client: KestraClient, attempt: _Attempt) -> None:
    change, item = attempt.change, attempt.change.item
    now = read(client, item)
    if same(item, now.content, change.before.content):
        return
    if item.kind == "flow" and not same(item, now.content, change.after):
        raise _TheirsError("somebody else has changed it since: it is left as it is")
    _put(client, item, now.content, change.before.content)
    if item.kind != "folder" and not same(item, read(client, item).content, change.before.content):
        raise KestraError(f"{client.where}: {item} is still not as it was")


@contextlib.contextmanager
def _deferred() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait for the answer to a request: without it nobody knows what was done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, Any]] = []
    before = _handlers(lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in came[:1]:
            handler = before[number]
            if callable(handler):
                handler(number, frame)


def _handlers(handler: Any) -> dict[int, Any]:
    """Set a handler for both signals, but where one is ignored; gives those that were there."""
    return {
        number: signal.signal(number, handler)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C and no SIGTERM end the putting back half way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _handlers(signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
