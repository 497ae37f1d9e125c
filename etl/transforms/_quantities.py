"""Quantities as tables hold them, whole numbers of any type, and what is wrong with others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw

from etl.errors import ContractError
from etl.transforms.cells import number_text, without_null_words

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Quantity", "quantity", "reason"]

_LIMIT: Final = 10**12
"""No order is for as many; a double and an integer are the same up to here."""
_WHOLE: Final = r"^[+-]?[0-9]{1,12}(?:\.0*)?$"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """How a column is counted: never null, and 0 where ``problem`` is told."""

    count: nw.Expr
    problem: nw.Expr
    """Why the row can't be counted; null where it can."""


def quantity(name: str, dtype: Any) -> Quantity:
    """Say how the quantities of a column are counted; nothing counts as 0.

    Parameters
    ----------
    name
        The column.
    dtype
        Its Narwhals type: a number, text, or none at all.

    Raises
    ------
    ContractError
        The type holds no quantities.

    Examples
    --------
    >>> import polars as pl
    >>> frame = nw.from_native(pl.LazyFrame({"XS": ["1,200", "None", "2 pcs", "-1"]}))
    >>> read = quantity("XS", nw.String())
    >>> for row in frame.select(read.count.alias("n"), read.problem.alias("why")).collect().rows():
    ...     print(row)
    (1200, None)
    (0, None)
    (0, "XS: '2 pcs' is no whole number")
    (0, "XS: '-1' is below 0")
    """
    cell = nw.col(name)
    if dtype == nw.Unknown:
        return Quantity(count=nw.lit(0, dtype=nw.Int64), problem=nw.lit(None, dtype=nw.String))
    if dtype == nw.String:
        return _of_text(name, without_null_words(cell))
    if dtype.is_integer():
        return _bounded(name, cell.cast(nw.Int64), ~cell.is_null())
    if dtype.is_numeric():
        number = cell.cast(nw.Float64)
        whole = ((number // 1) == number).fill_null(value=False) & (number.abs() < _LIMIT)
        return _bounded(
            name, nw.when(whole).then(number).otherwise(0.0).cast(nw.Int64), whole, cell
        )
    raise ContractError(f"{name}: a quantity is a whole number, but the frame has {dtype} there")


def reason(problems: Sequence[nw.Expr]) -> nw.Expr:
    """Join all that is wrong with a row by a semicolon; null where nothing is.

    Examples
    --------
    >>> import polars as pl
    >>> frame = nw.from_native(pl.LazyFrame({"a": ["x", None], "b": ["y", None]}))
    >>> frame.select(reason([nw.col("a"), nw.col("b")]).alias("why")).collect().rows()
    [('x; y',), (None,)]
    """
    wrong = nw.any_horizontal(*(~problem.is_null() for problem in problems), ignore_nulls=False)
    return nw.when(wrong).then(nw.concat_str(*problems, separator="; ", ignore_nulls=True))


def _of_text(name: str, text: nw.Expr) -> Quantity:
    digits = number_text(text)
    whole = digits.str.contains(_WHOLE).fill_null(value=False)
    plain = digits.str.replace_all(r"\.0*$", "").str.replace_all("+", "", literal=True)
    count = nw.when(whole).then(plain).otherwise(nw.lit("0")).cast(nw.Int64)
    return _bounded(name, count, whole, text, quote="'")


def _bounded(
    name: str, count: nw.Expr, whole: nw.Expr, cell: nw.Expr | None = None, quote: str = ""
) -> Quantity:
    shown = (count if cell is None else cell).cast(nw.String).str.slice(0, 80)
    before, after = nw.lit(f"{name}: {quote}"), f"{quote} is "
    low = whole & (count < 0).fill_null(value=False)
    told: nw.Expr = nw.when(low).then(nw.concat_str(before, shown, nw.lit(f"{after}below 0")))
    if cell is not None:
        odd = ~whole & ~cell.is_null()
        told = (
            nw.when(odd)
            .then(nw.concat_str(before, shown, nw.lit(f"{after}no whole number")))
            .otherwise(told)
        )
    return Quantity(count=nw.when(whole & ~low).then(count).otherwise(0), problem=told)
