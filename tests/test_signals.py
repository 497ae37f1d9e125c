"""Ctrl-C and SIGTERM, whatever the library at work makes of the exception."""

from __future__ import annotations

import signal
import time
from typing import NoReturn

import polars as pl
import pytest
import typer

from etl.cli._errors import TERMINATED, Reporter
from etl.cli._signals import Interrupted, Signals, Terminated

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="Windows: no timer; the exception is raised once"
)


def wait_for_it() -> NoReturn:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.01)
    pytest.fail("nothing was raised")


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, Interrupted), (signal.SIGTERM, Terminated)]
)
def test_it_is_raised_and_handlers_are_put_back(
    number: signal.Signals, kind: type[BaseException]
) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(one) for one in numbers]
    with pytest.raises(kind), Signals():
        signal.raise_signal(number)
    assert [signal.getsignal(one) for one in numbers] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_was_swallowed_is_raised_again() -> None:
    class Destroyed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Terminated), Signals() as signals:  # noqa: PT012 - it comes later
        Destroyed()
        assert isinstance(signals.came, Terminated)
        wait_for_it()


def test_it_does_not_disturb_what_is_being_undone() -> None:
    undone = False
    with pytest.raises(Terminated), Signals():  # noqa: PT012 - it comes later
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            time.sleep(1)
            undone = True
    assert undone


def test_it_waits_until_polars_is_done() -> None:
    seen = []

    def seven(value: int) -> int:
        if not seen:
            signal.raise_signal(signal.SIGTERM)
        seen.append(value)
        return 7

    frame = pl.DataFrame({"a": [1, 2, 3]})
    with pytest.raises(Terminated), Signals():  # noqa: PT012 - it comes later
        frame = frame.with_columns(b=pl.col("a").map_elements(seven, return_dtype=pl.Int64))
        wait_for_it()
    assert seen == [1, 2, 3]


def test_it_does_not_wait_for_polars_for_ever() -> None:
    def endless(_: int) -> int:
        signal.raise_signal(signal.SIGTERM)
        wait_for_it()

    frame = pl.DataFrame({"a": [1]})
    with pytest.raises(Terminated), Signals():
        frame.select(pl.col("a").map_elements(endless, return_dtype=pl.Int64))


def test_what_a_library_makes_of_it_is_told_as_an_interruption(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told: list[str] = []
    with pytest.raises(typer.Exit) as ended, Reporter(on_error=told.append):  # noqa: PT012 - it comes later
        try:
            signal.raise_signal(signal.SIGTERM)
        except Terminated:
            raise RuntimeError("the callback failed") from None
    assert ended.value.exit_code == TERMINATED
    assert told == ["interrupted: whatever was not complete has been undone"]
    assert capsys.readouterr().err == f"{told[0]}\n"
