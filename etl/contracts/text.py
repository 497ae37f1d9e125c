"""Text columns whose length is what SQL Server counts."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import dataframely as dy

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Text", "cut_text", "utf16_units"]


class Text(dy.String):
    """A text column; ``min_length`` and ``max_length`` count UTF-16 units.

    ``NVARCHAR(n)`` holds n byte pairs: an accented letter or a Chinese character takes one, an
    emoji two. dataframely's own ``String`` counts UTF-8 bytes, so it would turn away a name of 100
    Chinese characters where 255 fit.

    Source: https://learn.microsoft.com/en-us/sql/t-sql/data-types/nchar-and-nvarchar-transact-sql

    Examples
    --------
    >>> import polars as pl
    >>> class Orders(dy.Schema):
    ...     note = Text(max_length=2)
    >>> Orders.is_valid(pl.DataFrame({"note": ["订单"]})), Orders.is_valid(pl.DataFrame({"note": ["👕!"]}))
    (True, False)
    """

    def validation_rules(self, expr: pl.Expr) -> dict[str, pl.Expr]:
        """Build the column's rules, with the lengths in UTF-16 units."""
        rules = super().validation_rules(expr)
        if self.min_length is not None:
            rules["min_length"] = utf16_units(expr) >= self.min_length
        if self.max_length is not None:
            rules["max_length"] = utf16_units(expr) <= self.max_length
        return rules


def utf16_units(text: pl.Expr) -> pl.Expr:
    """Count the UTF-16 units of a text expression: code points, and one more for each above U+FFFF.

    >>> import polars as pl
    >>> pl.select(utf16_units(pl.lit("é订👕"))).item()
    4
    """
    return text.str.len_chars() + text.str.count_matches(r"[\x{10000}-\x{10FFFF}]")


def cut_text(text: str, units: int) -> str:
    """Cut a text to a number of UTF-16 units, between characters as readers see them.

    An accent stays with its letter, and the parts of one emoji with each other, unless they alone
    are too long. White space at the cut goes.

    >>> cut_text("Linen shirt", 6), cut_text("cafe\\u0301", 4), cut_text("ab👩🏽‍🔧", 6)
    ('Linen', 'caf', 'ab')
    """
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 <= units:
        return text
    room, end = units, 0
    while (width := 2 if text[end] > "\uffff" else 1) <= room:
        room -= width
        end += 1
    whole = end
    while whole and _belongs_to_the_one_before(text, whole):
        whole -= 1
    return text[: whole or end].rstrip()


def _belongs_to_the_one_before(text: str, at: int) -> bool:
    character = text[at]
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\u200d" in (character, text[at - 1])  # joins emoji
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
    )
