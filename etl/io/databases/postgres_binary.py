"""Rows as PostgreSQL's binary COPY takes them: the server parses no text of numbers and dates.

A row is the number of its fields, and each field its length and its bytes, in network order
(postgresql.org/docs/current/sql-copy.html, "Binary Format"); what the bytes are is told by each
type's receive function in the server's source. Neighbours of a fixed length are laid out side by
side at once; Arrow joins them with what is of any length.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    Array = npt.NDArray[Any]

__all__ = ["END", "START", "rows", "takes"]

START: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
END: Final = b"\xff\xff"
_NULL: Final = -1
_EPOCH_DAYS: Final = 10_957  # from 1970-01-01 to 2000-01-01
_EPOCH_MICROS: Final = _EPOCH_DAYS * 86_400_000_000
_TEXT: Final = frozenset(["text", "varchar", "bpchar", "json", "bytea"])
_PLAIN_ROWS: Final = 100_000
_MOST_DIGITS: Final = 18  # of an unscaled decimal that 64 bits hold


class _Part(NamedTuple):
    """A run of bytes within a field: one number, at a place."""

    at: int
    dtype: str
    values: Array | int


class _Field(NamedTuple):
    """A column of fields of one length."""

    size: int
    parts: list[_Part]


def takes(type_name: str, dtype: pl.DataType) -> bool:
    """Whether a column can go by :func:`rows`: its type in the table, and that of the frame.

    >>> takes("int4", pl.Int32()), takes("numeric", pl.Decimal(38, 2)), takes("inet", pl.String())
    (True, False, False)
    """
    if isinstance(dtype, pl.Decimal):
        return type_name == "numeric" and dtype.precision <= _MOST_DIGITS
    if isinstance(dtype, pl.Datetime) and dtype.time_unit != "us":
        return False
    return type_name in _TEXT or type_name in _NUMBERS


def rows(frame: pl.DataFrame, types: Sequence[str], at_once: int) -> Iterator[memoryview]:
    """A frame's rows, in parts; before the first ones goes ``START``, and after the last ``END``.

    Parameters
    ----------
    frame
        Of one row at least, in columns that the table's types hold as they are.
    types
        The types of the table's columns, which :func:`takes` has said yes to.
    at_once
        The rows of a part.

    Examples
    --------
    >>> [part.hex() for part in rows(pl.DataFrame({"a": [1], "b": ["x"]}), ["int2", "text"], 9)]
    ['00020000000200010000000178']
    """
    # polars' part is done for many rows in one go: every question to it takes a tenth of a
    # millisecond, whatever the number of rows.
    for taken in frame.iter_slices(_PLAIN_ROWS):
        columns = [
            _Column(f"{number} ", values.dtype, type_name, values.null_count() > 0)
            for number, (values, type_name) in enumerate(
                zip(taken.iter_columns(), types, strict=True)
            )
        ]
        plain = taken.select(
            made
            for name, column in zip(taken.columns, columns, strict=True)
            for made in _plain(pl.col(name), column)
        )
        for part in plain.iter_slices(at_once):
            yield _rows(part, columns)


class _Column(NamedTuple):
    """A column of a frame, and what those that stand for it in the plain one begin with."""

    prefix: str
    dtype: pl.DataType
    type_name: str
    nullable: bool

    @property
    def text(self) -> bool:
        """Whether its fields are of any length."""
        return self.type_name in _TEXT


def _plain(values: pl.Expr, column: _Column) -> Iterator[pl.Expr]:
    """A column as numbers or bytes without nulls, and where those were or how long they are."""
    prefix = column.prefix
    if column.text:
        data = values if column.dtype == pl.Binary else values.cast(pl.Binary)
        yield data.bin.size("b").cast(pl.Int32).fill_null(_NULL).alias(f"{prefix}size")
        yield data.fill_null(b"").alias(f"{prefix}value")
        return
    if column.dtype == pl.Boolean:
        plain = values.cast(pl.Int8)
    elif isinstance(column.dtype, pl.Decimal):
        plain = values.to_physical().cast(pl.Int64)
    else:
        plain = values.to_physical()
    yield plain.fill_null(0).alias(f"{prefix}value")
    if column.nullable:
        yield values.is_null().alias(f"{prefix}null")


def _rows(plain: pl.DataFrame, columns: Sequence[_Column]) -> memoryview:
    import pyarrow.compute as pc

    pieces = list(_pieces(plain, columns))
    # No pyarrow.scalar: that imports pandas, which takes longer than the rows.
    nothing = _binary(np.empty(0, np.uint8), np.zeros(2, np.int64))[0]
    joined = pc.binary_join_element_wise(*pieces, nothing) if len(pieces) > 1 else pieces[0]
    _, offsets, data = joined.buffers()
    ends = np.frombuffer(offsets, np.int64)[joined.offset : joined.offset + len(joined) + 1]
    return memoryview(data)[ends[0] : ends[-1]]


def _pieces(plain: pl.DataFrame, columns: Sequence[_Column]) -> Iterator[pa.LargeBinaryArray]:
    """Binary columns that make up the rows, side by side."""
    run = [_Field(2, [_Part(0, ">i2", len(columns))])]  # fields that wait for what follows
    for column in columns:
        values = plain[f"{column.prefix}value"]
        if column.text:
            lengths = plain[f"{column.prefix}size"].to_numpy()
            yield _joined([*run, _Field(4, [_Part(0, ">i4", lengths)])], plain.height)
            yield values.to_arrow(compat_level=pl.CompatLevel.oldest())
            run = []
        elif column.nullable:
            if run:
                yield _joined(run, plain.height)
            nulls = plain[f"{column.prefix}null"].to_numpy()
            yield _joined([_field(values.to_numpy(), column)], plain.height, nulls)
            run = []
        else:
            run.append(_field(values.to_numpy(), column))
    if run:
        yield _joined(run, plain.height)


def _joined(
    fields: Sequence[_Field], count: int, nulls: Array | None = None
) -> pa.LargeBinaryArray:
    """Fields of fixed lengths, one after the other; where ``nulls`` says so, one that means null."""
    size = sum(field.size for field in fields)
    made = np.empty((count, size), np.uint8)
    start = 0
    for field in fields:
        for at, dtype, values in field.parts:
            place: Array = np.ndarray((count,), dtype, made, offset=start + at, strides=(size,))
            place[:] = values
        start += field.size
    sizes = np.full(count, size, np.int64)
    data = made.reshape(-1)
    if nulls is not None:
        made[nulls, :4] = 0xFF
        kept = np.ones(made.shape, bool)
        kept[nulls, 4:] = False
        sizes[nulls] = 4
        data = made[kept]
    return _binary(data, np.concatenate([[0], np.cumsum(sizes)]))


def _binary(data: Array, offsets: Array) -> pa.LargeBinaryArray:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _field(values: Array, column: _Column) -> _Field:
    """The fields of a column; those of its null values hold anything."""
    if isinstance(column.dtype, pl.Decimal):
        return _decimal(values, column.dtype)
    made = _NUMBERS[column.type_name](values)
    size = made.dtype.itemsize
    return _Field(
        4 + size, [_Part(0, ">i4", size), _Part(4, made.dtype.newbyteorder(">").str, made)]
    )


def _number(dtype: str, values: Array) -> Array:
    return values.astype(dtype, copy=False)


def _since(dtype: str, epoch: int, values: Array) -> Array:
    return np.subtract(values, epoch, dtype=dtype)


def _time(values: Array) -> Array:
    return values // 1000


_NUMBERS: Final[dict[str, Callable[[Array], Array]]] = {
    "bool": partial(_number, "i1"),
    "int2": partial(_number, "i2"),
    "int4": partial(_number, "i4"),
    "int8": partial(_number, "i8"),
    "float4": partial(_number, "f4"),
    "float8": partial(_number, "f8"),
    "date": partial(_since, "i4", _EPOCH_DAYS),
    "timestamp": partial(_since, "i8", _EPOCH_MICROS),
    "timestamptz": partial(_since, "i8", _EPOCH_MICROS),
    "time": _time,
}


def _decimal(unscaled: Array, dtype: pl.Decimal) -> _Field:
    """Digits to the base 10,000 on both sides of the point; the server drops zeros at the ends."""
    scale = dtype.scale
    whole, rest = np.divmod(np.abs(unscaled), 10**scale)
    before = -(-len(str(whole.max())) // 4)  # most columns use few of the digits they may have
    after = -(-scale // 4)
    digits = [whole // 10 ** (4 * at) for at in reversed(range(before))]
    # The last group has four digits, too: those that the scale lacks are zeros.
    digits += [rest // 10 ** (scale - 4 * at) for at in range(1, after)]
    if after:
        short = scale - 4 * (after - 1)
        digits.append(rest % 10**short * 10 ** (4 - short))
    count = before + after
    header = [
        _Part(0, ">i4", 8 + 2 * count),
        _Part(4, ">i2", count),
        _Part(6, ">i2", before - 1),
        _Part(8, ">u2", np.where(unscaled < 0, 0x4000, 0)),
        _Part(10, ">i2", scale),
    ]
    places = [_Part(12 + 2 * at, ">i2", group % 10_000) for at, group in enumerate(digits)]
    return _Field(12 + 2 * count, header + places)
