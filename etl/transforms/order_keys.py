"""The key of an order, style and colour, and what is missing where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import narwhals as nw

from etl.transforms.cells import without_null_words
from etl.transforms.keys import with_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.transforms.portable import Lazy

__all__ = ["ORDER_PARTS", "missing_parts", "with_order_key"]

ORDER_PARTS: Final = ("ORDER NUMBER", "STYLE", "COLOR")
"""What makes up the key, as the columns of the orders are called."""


def with_order_key(
    frame: Lazy, parts: Sequence[str] = ORDER_PARTS, *, into: str = "order_key"
) -> Lazy:
    """Add the key that says which order, style and colour a row is about.

    Each part is trimmed and case-folded, and they are joined by ``|``; what is ``|`` or a
    backslash in a part gets a backslash, so that no two orders have one key.

    Parameters
    ----------
    frame
        Any lazy frame.
    parts
        Its columns with order number, style and colour.
    into
        The new column; null where a part is missing: null, empty or a word for null.

    Examples
    --------
    >>> import polars as pl
    >>> rows = {"ORDER NUMBER": [" SO-1", "nan"], "STYLE": ["A|7", "A|7"], "COLOR": ["Navy"] * 2}
    >>> frame = with_order_key(nw.from_native(pl.LazyFrame(rows)))
    >>> frame.collect().to_native()["order_key"].to_list()
    ['so-1|a\\\\|7|navy', None]
    """
    keys = {f"_{into}_{at}": part for at, part in enumerate(parts)}
    frame = with_keys(frame, keys)
    # A word for null in capitals is one in small letters too: the key says it as the part does.
    escaped = [
        without_null_words(nw.col(key))
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all("|", "\\|", literal=True)
        for key in keys
    ]
    joined = nw.concat_str(*escaped, separator="|", ignore_nulls=False)
    return frame.with_columns(joined.alias(into)).drop(*keys)


def missing_parts(parts: Sequence[str] = ORDER_PARTS) -> nw.Expr:
    """Say which parts of its key a row lacks, as a reason; null where it has all.

    The columns must be text.

    Examples
    --------
    >>> import polars as pl
    >>> rows = {"ORDER NUMBER": ["SO-1", " "], "STYLE": ["A", None], "COLOR": ["Navy", "Navy"]}
    >>> frame = nw.from_native(pl.LazyFrame(rows)).select(why=missing_parts())
    >>> frame.collect().to_native()["why"].to_list()
    [None, 'ORDER NUMBER: missing; STYLE: missing']
    """
    missing = {part: without_null_words(nw.col(part)).is_null() for part in parts}
    told = [nw.when(gone).then(nw.lit(f"{part}: missing")) for part, gone in missing.items()]
    return nw.when(nw.any_horizontal(*missing.values(), ignore_nulls=True)).then(
        nw.concat_str(*told, separator="; ", ignore_nulls=True)
    )
