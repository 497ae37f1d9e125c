"""The boundary of a transform: any dataframe in, the same kind of dataframe out.

Inside a transform there are only Narwhals' lazy frames, so what an engine can do eagerly alone
does not even type-check there. What still differs between engines is settled here:

- pandas frames come in as Arrow dtypes, whatever they are made of. A numpy-backed frame would
  answer a comparison with null by False, and turn whole numbers with gaps into floats. Its caller
  gets numpy dtypes back.
- pyarrow Tables are computed by polars. Narwhals' own way with them joins the result of a window
  back by rows whose order pyarrow does not keep: sums end up on other rows.
- A column without any value has no type in Arrow. :func:`typed` gives it the contract's.
- DuckDB and Spark do calendar arithmetic on aware times in the session's zone. :func:`utc_dates`
  asks for UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import narwhals as nw

from etl.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import dataframely as dy
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["Lazy", "equal", "on_any_engine", "quoted", "require", "typed", "utc_dates"]

Lazy = nw.LazyFrame[Any]
"""What a transform works on."""

FrameT = TypeVar("FrameT")

_DAY = 86_400_000_000
"""Microseconds."""


@overload
def on_any_engine(
    transform: Callable[..., Lazy], frame: FrameT, *others: object, **options: object
) -> FrameT: ...
@overload
def on_any_engine(
    transform: Callable[..., Mapping[str, Lazy]],
    frame: FrameT,
    *others: object,
    **options: object,
) -> dict[str, FrameT]: ...
def on_any_engine(
    transform: Callable[..., Lazy] | Callable[..., Mapping[str, Lazy]],
    frame: FrameT,
    *others: object,
    **options: object,
) -> FrameT | dict[str, FrameT]:
    """Run a transform of lazy frames on whatever frames the caller has.

    Parameters
    ----------
    transform
        A function of one or more Narwhals lazy frames, and keyword options; it gives a frame, or
        a mapping of frames.
    frame, *others
        pandas or polars DataFrames, polars LazyFrames, pyarrow Tables, DuckDB relations or Spark
        frames; all of one engine. None of them is changed.
    **options
        Handed to the transform.

    Returns
    -------
    the type of ``frame``
        Or a dictionary of such. Nothing is computed for a LazyFrame or a relation until its owner
        asks. A pandas frame has
        Arrow dtypes if ``frame`` has any, else numpy's, and pandas' own ``Int64`` and ``boolean``
        where numpy has no null; its index starts anew.

    Raises
    ------
    ContractError
        This is no dataframe, the frames are of different engines, a pandas column mixes types, or
        two columns have one name.

    Examples
    --------
    >>> import polars as pl
    >>> def known(frame): return frame.filter(~nw.col("po").is_null())
    >>> on_any_engine(known, pl.DataFrame({"po": ["A-1", None]})).rows()
    [('A-1',)]
    """
    lazy = [_lazy(one) for one in (frame, *others)]
    engines = {
        "pyarrow" if nw.dependencies.is_pyarrow_table(native) else str(one.implementation)
        for native, one in zip((frame, *others), lazy, strict=True)
    }
    if len(engines) > 1:
        raise ContractError(
            f"the frames are of different engines ({', '.join(sorted(engines))}): bring them to "
            "one before they are joined, for example with pl.from_pandas"
        )
    result = transform(*lazy, **options)
    if not isinstance(result, Mapping):
        return _native(result, frame)
    if all(one.implementation.is_polars() for one in lazy) and not _is_lazy(frame):
        import polars as pl

        # Together: what several results are made of is computed once.
        frames: Any = pl.collect_all([one.to_native() for one in result.values()])
        if nw.dependencies.is_pyarrow_table(frame):
            frames = [_as_table(one, frame) for one in frames]
        return cast("dict[str, FrameT]", dict(zip(result, frames, strict=True)))
    return {name: _native(one, frame) for name, one in result.items()}


def _native(result: Lazy, frame: FrameT) -> FrameT:
    """Give a result back as what the caller's first frame is."""
    if nw.dependencies.is_pandas_dataframe(frame):
        return cast("FrameT", _give_back(result.collect().to_native(), frame))
    if nw.dependencies.is_pyarrow_table(frame):
        return cast("FrameT", _as_table(result.collect().to_native(), frame))
    if _is_lazy(frame):
        return cast("FrameT", result.to_native())
    return cast("FrameT", result.collect().to_native())


def require(frame: Lazy, columns: Iterable[str], who: str) -> None:
    """Make sure that a transform's input has the columns it reads.

    Raises
    ------
    ContractError
        Names those missing, and what the frame has instead.
    """
    present = frame.collect_schema().names()
    missing = [name for name in columns if name not in present]
    if missing:
        raise ContractError(
            f"{who}: the frame has no column {', '.join(missing)}; it has {', '.join(present)}"
        )


def typed(frame: Lazy, contract: type[dy.Schema]) -> Lazy:
    """Give columns that hold no value, and so have no type, the type of their contract.

    Columns that the contract does not know stay as they are.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.contracts.board_groups import BoardGroups
    >>> empty = nw.from_native(pl.LazyFrame({"title": [None]}))
    >>> typed(empty, BoardGroups).collect_schema()["title"]
    String
    """
    wanted = nw.from_native(contract.create_empty()).schema
    untyped = [
        name
        for name, dtype in frame.collect_schema().items()
        if dtype == nw.Unknown and name in wanted
    ]
    in_sql: dict[str, str] = {}
    if frame.implementation.is_spark_like():
        # Spark's own times of day are as unknown to Narwhals as columns without a type.
        void = {name for name, kind in cast("Any", frame.to_native()).dtypes if kind == "void"}
        untyped = [name for name in untyped if name in void]
        in_sql = {name: "TIME(6)" for name in untyped if wanted[name] == nw.Time}
    if _speaks_sql(frame):
        kind = "TIMESTAMPTZ" if frame.implementation.is_duckdb() else "TIMESTAMP_LTZ"
        in_sql |= {name: kind for name in untyped if getattr(wanted[name], "time_zone", None)}
    if in_sql:
        frame = _replaced(frame, {name: f"CAST(NULL AS {kind})" for name, kind in in_sql.items()})
        untyped = [name for name in untyped if name not in in_sql]
    return frame.with_columns(nw.col(name).cast(wanted[name]) for name in untyped)


def equal(left: nw.Expr, right: nw.Expr) -> nw.Expr:
    """Compare such that null equals null, and nothing else; never null itself.

    Examples
    --------
    >>> import polars as pl
    >>> frame = nw.from_native(pl.DataFrame({"a": [1, None, None], "b": [1, None, 2]}))
    >>> frame.select(equal(nw.col("a"), nw.col("b"))).to_native()["a"].to_list()
    [True, True, False]
    """
    both_null = left.is_null() & right.is_null()
    return (left == right).fill_null(value=False) | both_null


def utc_dates(frame: Lazy, columns: Iterable[str]) -> Lazy:
    """Replace times by their dates, those of aware times in UTC.

    Parameters
    ----------
    frame
        Any lazy frame.
    columns
        Names of Datetime columns.

    Examples
    --------
    >>> import datetime as dt
    >>> import polars as pl
    >>> late = dt.datetime(2024, 3, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    >>> frame = nw.from_native(pl.LazyFrame({"day": [late]}))
    >>> utc_dates(frame, ["day"]).collect().to_native().item()
    datetime.date(2024, 2, 29)
    """
    schema = frame.collect_schema()
    names = list(columns)
    aware = [name for name in names if getattr(schema[name], "time_zone", None) is not None]
    if aware and _speaks_sql(frame):
        date = _duckdb_date if frame.implementation.is_duckdb() else _spark_date
        frame = _replaced(frame, {name: date(name) for name in aware})
        names = [name for name in names if name not in aware]
    else:
        frame = frame.with_columns(nw.col(name).dt.convert_time_zone("UTC") for name in aware)
    return frame.with_columns(nw.col(name).dt.date() for name in names)


def _speaks_sql(frame: Lazy) -> bool:
    """Whether the engine takes expressions in SQL, for what Narwhals has no word for."""
    return bool(frame.implementation.is_duckdb() or frame.implementation.is_spark_like())


def _replaced(frame: Lazy, expressions: dict[str, str]) -> Lazy:
    """Replace columns of a DuckDB relation or a Spark frame by SQL expressions."""
    native: Any = frame.to_native()
    if frame.implementation.is_duckdb():
        changes = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in expressions.items())
        return cast("Lazy", nw.from_native(native.project(f"* REPLACE ({changes})")))
    columns = (
        f"{expressions[name]} AS {_ticked(name)}" if name in expressions else _ticked(name)
        for name in native.columns
    )
    return cast("Lazy", nw.from_native(native.selectExpr(*columns)))


def _duckdb_date(name: str) -> str:
    return f"CAST(timezone('UTC', {quoted(name)}) AS DATE)"


def _spark_date(name: str) -> str:
    """By the microseconds since 1970: that is exact, whatever the session's zone."""
    micros = f"unix_micros({_ticked(name)})"
    return f"date_from_unix_date(CAST(({micros} - pmod({micros}, {_DAY})) DIV {_DAY} AS INT))"


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def quoted(name: str) -> str:
    """Write a column's name as DuckDB's SQL takes any name.

    >>> quoted('32" waist')
    '"32"" waist"'
    """
    return '"' + name.replace('"', '""') + '"'


def _is_lazy(frame: object) -> bool:
    return isinstance(nw.from_native(cast("Any", frame)), nw.LazyFrame)


def _lazy(frame: object) -> Lazy:
    if nw.dependencies.is_pandas_dataframe(frame):
        frame = _arrow_backed(frame)
    elif nw.dependencies.is_pyarrow_table(frame):
        frame = _in_polars(frame)
    try:
        return cast("Lazy", nw.from_native(cast("Any", frame)).lazy())
    except TypeError as error:
        raise ContractError(
            f"can't run a transform on a {type(frame).__name__}: pass a pandas or polars frame, a "
            "LazyFrame, a pyarrow Table, a DuckDB relation or a Spark frame"
        ) from error


def _in_polars(table: pa.Table) -> pl.LazyFrame:
    import polars as pl

    try:
        return pl.LazyFrame(table)
    except pl.exceptions.PolarsError as error:
        raise ContractError(f"polars can't hold the pyarrow Table: {error}") from error


def _as_table(result: pl.DataFrame, like: pa.Table) -> pa.Table:
    """Return the type of text that the caller uses: Arrow joins and stacks it with no other."""
    import pyarrow as pa

    table = result.to_arrow()
    if any(field.type in {pa.large_string(), pa.string_view()} for field in like.schema):
        return table
    schema = table.schema
    for at, field in enumerate(schema):
        if field.type == pa.large_string():
            schema = schema.set(at, field.with_type(pa.string()))
    return table.cast(schema)


def _arrow_backed(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ContractError(
            f"the pandas frame has no plain types: {'; '.join(map(str, error.args))}"
        ) from error
    return cast("pd.DataFrame", table.to_pandas(types_mapper=pd.ArrowDtype))


def _give_back(result: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return the dtypes that the caller uses."""
    import pandas as pd
    import pyarrow as pa

    if any(isinstance(dtype, pd.ArrowDtype) for dtype in like.dtypes):
        # Joined by a text of two Arrow types, no rows have a key of objects.
        is_object = pd.api.types.is_object_dtype
        lost = [name for name, dtype in result.dtypes.items() if result.empty and is_object(dtype)]
        return result.astype(dict.fromkeys(lost, pd.ArrowDtype(pa.large_string())))
    table = pa.Table.from_pandas(result, preserve_index=False)
    # The table remembers that it came from Arrow dtypes, and would restore them.
    frame = cast("pd.DataFrame", table.to_pandas(ignore_metadata=True))
    for field, column in zip(table.schema, table.columns, strict=True):
        nullable = _nullable(field.type) if column.null_count else None
        if nullable is not None:
            frame[field.name] = column.to_pandas(types_mapper=lambda _, dtype=nullable: dtype)
    return frame


def _nullable(type_: pa.DataType) -> Any:
    """Choose pandas' dtype for whole numbers and booleans with nulls, which numpy has none for."""
    import pandas as pd
    import pyarrow as pa

    if not (pa.types.is_integer(type_) or pa.types.is_boolean(type_)):
        return None
    names = {"bool": "boolean"}
    name = str(type_).replace("uint", "UInt").replace("int", "Int")
    return pd.api.types.pandas_dtype(names.get(name, name))
