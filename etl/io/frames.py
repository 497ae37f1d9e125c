"""Any dataframe in, batches of polars out; and back to what the caller wants to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from etl.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Backend", "Batches", "DtypeBackend", "is_stream", "to_backend", "to_batches"]

Backend = Literal["polars", "pandas", "pyarrow"]
DtypeBackend = Literal["pyarrow", "numpy"]

_STREAM_ROWS: Final = 100_000


@dataclass(frozen=True)
class Batches:
    """A frame's rows, as polars frames of one schema."""

    batches: Iterator[pl.DataFrame]
    whole: pl.DataFrame | None
    """The frame itself where all of it is in memory: it can be checked before anything is sent."""


def to_batches(frame: Any) -> Batches:
    """Take a pandas or polars frame, a LazyFrame, Arrow data, or an iterable of these.

    A NaN or NaT of a numpy-backed pandas frame is null, and its index is ignored.

    Raises
    ------
    ContractError
        It is none of these, a column mixes types, or two columns have one name.

    Examples
    --------
    >>> to_batches({"a": [1, 2]})
    Traceback (most recent call last):
    etl.errors.ContractError: can't take a frame from a dict: pass a pandas or polars frame, ...
    >>> [batch.height for batch in to_batches([pl.DataFrame({"a": [1]})] * 2).batches]
    [1, 1]
    """
    if isinstance(frame, pl.LazyFrame):
        return Batches(iter(frame.collect_batches(chunk_size=_STREAM_ROWS)), None)
    if _is_reader(frame):
        return Batches((_polars(batch) for batch in frame), None)
    whole = _whole(frame)
    if whole is not None:
        return Batches(iter([whole]), whole)
    if isinstance(frame, Iterable) and not isinstance(frame, (str, bytes, dict)):
        return Batches(_each(frame), None)
    raise ContractError(
        f"can't take a frame from a {type(frame).__name__}: pass a pandas or polars frame, a "
        "LazyFrame, a pyarrow Table or RecordBatchReader, or an iterable of these"
    )


def is_stream(frame: Any) -> bool:
    """Whether a frame can be read only once.

    >>> is_stream(pl.LazyFrame()), is_stream([pl.DataFrame()]), is_stream(iter([pl.DataFrame()]))
    (False, False, True)
    """
    return _is_reader(frame) or isinstance(frame, Iterator)


def _is_reader(frame: Any) -> bool:
    return type(frame).__name__ == "RecordBatchReader" and hasattr(frame, "read_next_batch")


def _each(frames: Iterable[Any]) -> Iterator[pl.DataFrame]:
    """The batches of an iterable; matched by name, so that one column order is enough."""
    names: list[str] | None = None
    for frame in frames:
        for batch in to_batches(frame).batches:
            if names is None:
                names = batch.columns
            if set(batch.columns) != set(names):
                missing = sorted(set(names) - set(batch.columns))
                extra = sorted(set(batch.columns) - set(names))
                raise ContractError(
                    "the frames of the iterable differ in their columns: "
                    f"missing {missing}, extra {extra}"
                )
            yield batch.select(names)


def _whole(frame: Any) -> pl.DataFrame | None:
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "dtypes"):
        return _from_pandas(frame)
    if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__"):
        return _polars(frame)
    return None


def _polars(data: Any) -> pl.DataFrame:
    names = getattr(getattr(data, "schema", None), "names", [])
    _refuse_duplicates(names)
    try:
        return pl.DataFrame(data)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise ContractError(f"the Arrow data can't be read: {error}") from error


def _from_pandas(frame: pd.DataFrame) -> pl.DataFrame:
    if not hasattr(frame, "columns"):
        raise ContractError("a pandas Series is no frame: pass series.to_frame()")
    names = list(frame.columns)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise ContractError(f"column names must be text; these are not: {wrong[:5]}")
    _refuse_duplicates(names)
    return pl.DataFrame([_series(name, frame[name]) for name in names])


def _series(name: str, column: pd.Series[Any]) -> pl.Series:
    try:
        return pl.from_pandas(column, nan_to_null=True).alias(name)
    except UnicodeEncodeError as error:
        raise ContractError(
            f"column {name!r} holds text that is not valid Unicode ({error.reason}): "
            f"{error.object[:40]!r}"
        ) from error
    except Exception as error:  # pyarrow's and polars' errors have no common base
        raise ContractError(
            f"column {name!r} mixes types or holds objects: {error}; give it one type"
        ) from error


def _refuse_duplicates(names: Iterable[str]) -> None:
    seen: set[str] = set()
    twice = sorted({name for name in names if name in seen or seen.add(name)})  # type: ignore[func-returns-value]
    if twice:
        raise ContractError(f"two columns have one name: {twice}; rename one")


def to_backend(
    frame: pl.DataFrame, backend: Backend, dtype_backend: DtypeBackend = "pyarrow"
) -> Any:
    """The frame as the caller wants to hold it.

    Parameters
    ----------
    frame
        What was read.
    backend
        ``polars``, ``pandas`` or ``pyarrow``.
    dtype_backend
        For pandas: ``pyarrow`` keeps every type and null; ``numpy`` gives the old dtypes.

    Examples
    --------
    >>> to_backend(pl.DataFrame({"a": [1, None]}), "pandas").dtypes["a"]
    int64[pyarrow]
    """
    if backend == "polars":
        return frame
    if backend == "pyarrow":
        return _arrow(frame)
    if backend == "pandas":
        if dtype_backend == "numpy":
            return frame.to_pandas()
        import pandas as pd

        return _arrow(frame).to_pandas(types_mapper=pd.ArrowDtype)
    raise ContractError(f"no backend {backend!r}: choose polars, pandas or pyarrow")


def _arrow(frame: pl.DataFrame) -> pa.Table:
    # The oldest layout: pandas and most Arrow consumers don't take string views yet.
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
