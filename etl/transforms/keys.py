"""Names and codes to the keys that they are compared by, the same on every engine.

Narwhals has neither NFKC nor case folding, and engines do not even agree about upper case (of ``ß``
and ``İ``, for example). Text of ASCII letters alone, which is nearly all of it, needs neither: the
engine folds it. Of the other texts each distinct one goes through Python once
(:mod:`etl.contracts.keys`), and comes back into the frame as a replacement:

- of polars, eager and lazy, this is a batch function, and nothing runs before its owner asks;
- on any other engine the distinct texts that are not ASCII are fetched when the transform is
  called: of a DuckDB relation, which is lazy otherwise, this computes that one column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import polars as pl

from etl.contracts.keys import code_key, name_key
from etl.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.transforms.portable import Lazy

__all__ = ["as_text", "with_keys"]

_NOT_ASCII: Final = r"[^\x00-\x7F]"
_ASCII_SPACE: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f "


def with_keys(
    frame: Lazy, keys: Mapping[str, str], *, key: Callable[[str], str] = code_key
) -> Lazy:
    """Add columns with the keys of texts.

    Parameters
    ----------
    frame
        Any lazy frame.
    keys
        New column -> the text column whose keys it holds; a null has the key null.
    key
        :func:`~etl.contracts.keys.code_key` or :func:`~etl.contracts.keys.name_key`.

    Raises
    ------
    ContractError
        A column holds no text, and nothing whose text is certain either.

    Examples
    --------
    >>> frame = nw.from_native(pl.LazyFrame({"color": [" Navy", "STRASSE", "straße", None]}))
    >>> with_keys(frame, {"key": "color"}).collect().to_native()["key"].to_list()
    ['navy', 'strasse', 'strasse', None]
    """
    frame = as_text(frame, {new: nw.col(old) for new, old in keys.items()})
    if frame.implementation.is_polars():
        native: pl.LazyFrame = frame.to_native()
        return nw.from_native(native.with_columns(_in_batches(name, key) for name in keys))
    return _replaced(frame, list(keys), key)


def as_text(frame: Lazy, texts: Mapping[str, nw.Expr]) -> Lazy:
    """Add columns that are text: whole numbers and categories as their text, nothing as null.

    Raises
    ------
    ContractError
        A column is of another type: a fraction's text, or a date's, is the engine's own.

    Examples
    --------
    >>> frame = nw.from_native(pl.LazyFrame({"order": [1001, None]}))
    >>> as_text(frame, {"text": nw.col("order")}).collect().to_native()["text"].to_list()
    ['1001', None]
    """
    schema = frame.select(**texts).collect_schema()
    for name, dtype in schema.items():
        plain = dtype in (nw.String, nw.Categorical, nw.Enum, nw.Unknown) or dtype.is_integer()
        if not plain:
            raise ContractError(f"{name} is compared as text, but the frame has {dtype} there")
    return frame.with_columns(
        **{
            name: text if schema[name] == nw.String else text.cast(nw.String)
            for name, text in texts.items()
        }
    )


def _in_batches(name: str, key: Callable[[str], str]) -> pl.Expr:
    def keyed(texts: pl.Series) -> pl.Series:
        frame: Any = nw.from_native(texts.to_frame().lazy())
        result: pl.DataFrame = _replaced(frame, [texts.name], key).collect().to_native()
        return result.to_series()

    return pl.col(name).map_batches(keyed, return_dtype=pl.String, is_elementwise=True)


def _replaced(frame: Lazy, columns: list[str], key: Callable[[str], str]) -> Lazy:
    folded = {}
    for name in columns:
        distinct = frame.filter(nw.col(name).str.contains(_NOT_ASCII)).select(name).unique()
        texts = distinct.collect(backend="polars").get_column(name).to_list()
        ascii_key = _ascii_key(nw.col(name), key)
        folded[name] = (
            nw.col(name).replace_strict(
                texts, [key(text) for text in texts], default=ascii_key, return_dtype=nw.String
            )
            if texts
            else ascii_key
        )
    return frame.with_columns(**folded)


def _ascii_key(text: nw.Expr, key: Callable[[str], str]) -> nw.Expr:
    """Say what ``key`` does to text of ASCII characters, as an expression."""
    if key is name_key:
        text = text.str.replace_all(f"[{_ASCII_SPACE}]+", " ")
    return text.str.strip_chars(_ASCII_SPACE).str.to_lowercase()
