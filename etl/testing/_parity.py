"""What must hold of a transform: the same on every engine, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.testing import assert_frame_equal

from etl.contracts.check import split
from etl.errors import ConfigError
from etl.testing._engines import ENGINES, Engine, engine_called, hand_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import dataframely as dy

__all__ = ["assert_conserves", "assert_engine_parity"]


def assert_engine_parity(
    transform: Callable[..., Any],
    *frames: pl.DataFrame,
    engines: Iterable[str | Engine] | None = None,
    contract: type[dy.Schema] | Mapping[str, type[dy.Schema]] | None = None,
    in_order: bool = False,
    **options: Any,
) -> None:
    """Run a transform on every engine, and compare values and types with what it gives on polars.

    Parameters
    ----------
    transform
        A function of frames of any engine; it gives a frame, or a mapping of frames.
    *frames
        Its frames, in polars; each engine is given its own.
    engines
        Names of :data:`ENGINES`; by default all that are installed.
    contract
        The contract of the result, or of several results by name. Where it is given, the rows that
        each engine's result keeps and sets aside by it are compared as well, and so the types that
        it names on an engine that has no such types (numpy).
    in_order
        Whether the rows' order is part of what the transform promises.
    **options
        Handed to the transform.

    Raises
    ------
    AssertionError
        An engine gives something else, or the transform has changed the frame that it was given.
    ConfigError
        There is no such engine, or it is not installed.

    Examples
    --------
    >>> import narwhals as nw
    >>> from etl.transforms.portable import on_any_engine
    >>> def known(frame): return on_any_engine(lambda f: f.filter(~nw.col("po").is_null()), frame)
    >>> rows = pl.DataFrame({"po": ["A-1", None]})
    >>> assert_engine_parity(known, rows, engines=["pandas-numpy", "duckdb"])
    """
    expected = _by_name(transform(*frames, **options))
    contracts = contract if isinstance(contract, Mapping) else {_ONLY: contract}
    for engine in _chosen(engines):
        natives = hand_over(engine, *frames)
        given = _by_name(transform(*natives, **options))
        where = f"{_name(transform)} on {engine.name}"
        if set(given) != set(expected):
            raise AssertionError(f"{where}: it gives {', '.join(given)}, and {', '.join(expected)} on polars")  # fmt: skip
        for name, frame in expected.items():
            told = f"{where}: {name}" if name != _ONLY else where
            _same(engine, engine.read(given[name]), frame, contracts.get(name), told, in_order=in_order)  # fmt: skip
        if engine.package in ("pandas", "polars"):
            # The others have no frames that could be changed.
            for native, frame in zip(natives, frames, strict=True):
                _equal(engine.read(native), engine.read(hand_over(engine, frame)[0]), f"{where}: it has changed its input", in_order=True)  # fmt: skip


def assert_conserves(
    transform: Callable[..., Any],
    *frames: Any,
    columns: str | Sequence[str],
    into: str | Sequence[str] | None = None,
    **options: Any,
) -> None:
    """Add up quantities before and after a transform: nothing is lost, and nothing counts twice.

    Parameters
    ----------
    transform
        A function of frames; it gives a frame, or a mapping of frames.
    *frames
        What it takes, frames in polars.
    columns
        The quantities: those of these columns that a frame has are added up, over all frames that
        go in. Null counts as 0.
    into
        The columns that they are in afterwards, over all frames that come out; by default the same.
    **options
        Handed to the transform.

    Raises
    ------
    AssertionError
        The totals differ, or no frame has any of the columns.

    Examples
    --------
    >>> orders = pl.DataFrame({"po": ["A", "A"], "qty": [3, None]})
    >>> def totals(rows): return rows.group_by("po").agg(pl.col("qty").sum().alias("total"))
    >>> assert_conserves(totals, orders, columns="qty", into="total")
    >>> assert_conserves(pl.DataFrame.head, orders, n=0, columns="qty")
    Traceback (most recent call last):
    AssertionError: head: qty adds up to 3 before and to 0 after, in qty
    """
    before = [columns] if isinstance(columns, str) else list(columns)
    after = before if into is None else [into] if isinstance(into, str) else list(into)
    given = [frame for frame in frames if isinstance(frame, pl.DataFrame | pl.LazyFrame)]
    first = _total(transform, given, before)
    last = _total(transform, _by_name(transform(*frames, **options)).values(), after)
    different = abs(first - last) > 1e-9 * abs(first) if float in (type(first), type(last)) else first != last  # fmt: skip
    if different:
        raise AssertionError(
            f"{_name(transform)}: {', '.join(before)} adds up to {first} before and to {last} "
            f"after, in {', '.join(after)}"
        )


_ONLY = "the result"


def _by_name(result: Any) -> dict[str, Any]:
    return dict(result) if isinstance(result, Mapping) else {_ONLY: result}


def _name(transform: Callable[..., Any]) -> str:
    return getattr(transform, "__name__", repr(transform))


def _chosen(engines: Iterable[str | Engine] | None) -> list[Engine]:
    if engines is None:
        return [engine for engine in ENGINES.values() if find_spec(engine.package)]
    chosen = [each if isinstance(each, Engine) else engine_called(each) for each in engines]
    for engine in chosen:
        if find_spec(engine.package) is None:
            raise ConfigError(f"{engine.name} needs the package {engine.package}: pip install {engine.package}")  # fmt: skip
    return chosen


def _same(
    engine: Engine,
    rows: pl.DataFrame,
    expected: pl.DataFrame | pl.LazyFrame,
    contract: type[dy.Schema] | None,
    where: str,
    *,
    in_order: bool,
) -> None:
    wanted = expected.lazy().collect()
    if engine.keeps_types:
        _equal(rows, wanted, where, in_order=in_order)
    elif contract is None:
        _equal(rows.cast(wanted.schema), wanted, where, in_order=in_order)
    if contract is None:
        return
    here, there = split(rows, contract), split(wanted, contract)
    _equal(here.good, there.good, f"{where}: rows that keep {contract.__name__}", in_order=in_order)
    broken, as_told = (checked.rejected.select("reason") for checked in (here, there))
    _equal(broken, as_told, f"{where}: rows that break {contract.__name__}", in_order=in_order)


def _equal(rows: pl.DataFrame, expected: pl.DataFrame, where: str, *, in_order: bool) -> None:
    try:
        assert_frame_equal(rows, expected, check_row_order=in_order, check_exact=True)
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from None


def _total(transform: Callable[..., Any], frames: Iterable[Any], columns: list[str]) -> Any:
    total, found = 0, False
    for frame in frames:
        there = [name for name in columns if name in frame.lazy().collect_schema().names()]
        for column in frame.lazy().select(there).collect().get_columns():
            total, found = total + (column.sum() or 0), True
    if not found:
        raise AssertionError(f"{_name(transform)}: no frame has a column {', '.join(columns)}")
    return total
