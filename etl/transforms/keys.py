"""Names and codes to the keys that they are compared by, the same on every engine.

Narwhals has neither NFKC nor case folding, and engines do not even agree about upper case (of ``ß``
and ``İ``, for example). Text of ASCII letters alone, which is nearly all of it, needs neither: the
engine folds it. Of the other texts each distinct one goes through Python once
(:mod:`etl.transforms.in_python` says what that means for lazy frames).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import narwhals as nw

from etl.contracts.keys import code_key, name_key, upper_key
from etl.errors import ContractError
from etl.transforms.in_python import TextRule, apply_text_rule

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
        One of :mod:`etl.contracts.keys`.

    Raises
    ------
    ContractError
        A column holds no text, and nothing whose text is certain either.

    Examples
    --------
    >>> import polars as pl
    >>> frame = nw.from_native(pl.LazyFrame({"color": [" Navy", "STRASSE", "straße", None]}))
    >>> with_keys(frame, {"key": "color"}).collect().to_native()["key"].to_list()
    ['navy', 'strasse', 'strasse', None]
    """
    frame = as_text(frame, keys)
    rule = TextRule(
        function=key,
        needs_python=lambda text: text.str.contains(_NOT_ASCII),
        otherwise=lambda text: _ascii_key(text, key),
    )
    return apply_text_rule(frame, list(keys), rule)


def as_text(frame: Lazy, texts: Mapping[str, str]) -> Lazy:
    """Add columns that are text: whole numbers and categories as their text, nothing as null.

    Parameters
    ----------
    frame
        Any lazy frame.
    texts
        New column -> the column whose text it holds.

    Raises
    ------
    ContractError
        A column is of another type: a fraction's text, or a date's, is the engine's own.

    Examples
    --------
    >>> import polars as pl
    >>> frame = nw.from_native(pl.LazyFrame({"order": [1001, None]}))
    >>> as_text(frame, {"text": "order"}).collect().to_native()["text"].to_list()
    ['1001', None]
    """
    schema = frame.collect_schema()
    made = {}
    for new, old in texts.items():
        dtype = schema[old]
        plain = dtype in (nw.String, nw.Categorical, nw.Enum, nw.Unknown) or dtype.is_integer()
        if not plain:
            raise ContractError(f"{old} is taken as text, but the frame has {dtype} there")
        made[new] = nw.col(old) if dtype == nw.String else nw.col(old).cast(nw.String)
    return frame.with_columns(**made)


def _ascii_key(text: nw.Expr, key: Callable[[str], str]) -> nw.Expr:
    """Say what ``key`` does to text of ASCII characters, as an expression."""
    if key is name_key:
        text = text.str.replace_all(f"[{_ASCII_SPACE}]+", " ")
    trimmed = text.str.strip_chars(_ASCII_SPACE)
    return trimmed.str.to_uppercase() if key is upper_key else trimmed.str.to_lowercase()
