"""Text that only Python knows how to handle: each distinct one goes through a function once.

What Narwhals has no expression for, and engines do not agree about, comes back into the frame as a
replacement:

- of polars, eager and lazy, and of Spark, this is a function of batches, and nothing runs before its
  owner asks; Spark calls it where the rows are;
- on any other engine the distinct texts are fetched when the transform is called: of a DuckDB
  relation, which is lazy otherwise, this computes that one column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

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
    if frame.implementation.is_spark_like():
        return _in_spark(frame, columns, rule)
    return _replaced(frame, columns, rule)


def _in_spark(frame: Lazy, columns: Sequence[str], rule: TextRule) -> Lazy:
    import pyarrow as pa
    import pyspark.sql.functions

    functions: Any = pyspark.sql.functions

    def ruled(texts: pa.Array) -> pa.Array:
        return _ruled(pl.Series("text", texts), rule).to_arrow().cast("string")

    # Spark takes what kind of function it is from the types, which here are only for mypy.
    ruled.__annotations__ = {"texts": pa.Array, "return": pa.Array}
    udf: Any = functions.arrow_udf(ruled, "string")
    native: Any = frame.to_native()
    return cast(
        "Lazy", nw.from_native(native.withColumns({name: udf(native[name]) for name in columns}))
    )


def _in_batches(name: str, rule: TextRule) -> pl.Expr:
    return pl.col(name).map_batches(
        lambda texts: _ruled(texts, rule), return_dtype=pl.String, is_elementwise=True
    )


def _ruled(texts: pl.Series, rule: TextRule) -> pl.Series:
    frame: Any = nw.from_native(texts.to_frame().lazy())
    result: pl.DataFrame = _replaced(frame, [texts.name], rule).collect().to_native()
    return result.to_series()


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
