"""Text that only Python knows how to handle: each distinct one goes through a function once.

What Narwhals has no expression for, and engines do not agree about, comes back into the frame as a
replacement:

- of polars, eager and lazy, this is a batch function, and nothing runs before its owner asks;
- on any other engine the distinct texts are fetched when the transform is called: of a DuckDB
  relation, which is lazy otherwise, this computes that one column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.transforms.portable import Lazy

__all__ = ["TextRule", "apply_text_rule"]


@dataclass(frozen=True, kw_only=True)
class TextRule:
    """A pure function of one text, and an expression that says the same of the plain ones."""

    function: Callable[[str], str]
    needs_python: Callable[[nw.Expr], nw.Expr]
    """Which texts have to go through ``function``; the fewer the better."""
    otherwise: Callable[[nw.Expr], nw.Expr]
    """What becomes of the others, on every engine alike."""


def apply_text_rule(frame: Lazy, columns: Sequence[str], rule: TextRule) -> Lazy:
    """Replace the texts of columns by what a rule makes of them; null stays null.

    Examples
    --------
    >>> shout = TextRule(
    ...     function=str.swapcase,
    ...     needs_python=lambda text: text.str.contains("!"),
    ...     otherwise=lambda text: text.str.to_uppercase(),
    ... )
    >>> frame = nw.from_native(pl.LazyFrame({"text": ["Hey!", "hey", None]}))
    >>> apply_text_rule(frame, ["text"], shout).collect().to_native()["text"].to_list()
    ['hEY!', 'HEY', None]
    """
    if frame.implementation.is_polars():
        native: pl.LazyFrame = frame.to_native()
        return nw.from_native(native.with_columns(_in_batches(name, rule) for name in columns))
    return _replaced(frame, columns, rule)


def _in_batches(name: str, rule: TextRule) -> pl.Expr:
    def ruled(texts: pl.Series) -> pl.Series:
        frame: Any = nw.from_native(texts.to_frame().lazy())
        result: pl.DataFrame = _replaced(frame, [texts.name], rule).collect().to_native()
        return result.to_series()

    return pl.col(name).map_batches(ruled, return_dtype=pl.String, is_elementwise=True)


def _replaced(frame: Lazy, columns: Sequence[str], rule: TextRule) -> Lazy:
    # All columns at once: an engine that plans first takes longer for a query than for its rows.
    found = [
        frame.filter(rule.needs_python(nw.col(name))).select(text=nw.col(name)) for name in columns
    ]
    if not found:
        return frame
    texts = nw.concat(found).unique().collect(backend="polars").get_column("text").to_list()
    replaced = list(map(rule.function, texts))
    changed = {}
    for name in columns:
        plain = rule.otherwise(nw.col(name))
        changed[name] = (
            nw.col(name).replace_strict(texts, replaced, default=plain, return_dtype=nw.String)
            if texts
            else plain
        )
    return frame.with_columns(**changed)
