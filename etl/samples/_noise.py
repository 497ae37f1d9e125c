"""What people and scanners make of clean texts: names, white space, cases, null words, typos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from etl.samples._mixing import picked
from etl.samples.customers import CUSTOMERS, UNKNOWN, spellings

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["alias", "letters", "name", "null_words", "spelling", "typo", "untidy", "written_name"]

_KNOWN: Final = (*CUSTOMERS, *UNKNOWN)
_FORMS: Final = 4
"""Forms of a customer's name that are kept of each kind; fewer go round."""
_ALIASES: Final = tuple(
    (customer.aliases or (customer.name,))[form % max(len(customer.aliases), 1)]
    for customer in _KNOWN
    for form in range(_FORMS)
)
_SPELLINGS: Final = tuple(form for customer in _KNOWN for form in spellings(customer)[:_FORMS])
_NULL_WORDS: Final = ("None", "nan", "", "NULL", "NaT", " none ")
_DIGITS: Final = "0123456789"
_SMALL: Final = "aeilnorstu"


def letters(drawn: pl.Expr, alphabet: Sequence[str], count: int) -> pl.Expr:
    """Spell a drawn number with the letters of an alphabet."""
    places = [drawn // len(alphabet) ** place for place in range(count)]
    return pl.concat_str([picked(alphabet, place) for place in places])


def name(customer: pl.Expr) -> pl.Expr:
    """The customers' names as they are."""
    return picked([known.name for known in _KNOWN], customer)


def alias(customer: pl.Expr, drawn: pl.Expr) -> pl.Expr:
    """One of each customer's aliases."""
    return picked(_ALIASES, customer * _FORMS + drawn % _FORMS)


def spelling(customer: pl.Expr, drawn: pl.Expr) -> pl.Expr:
    """One of the odd spellings of each customer's name."""
    return picked(_SPELLINGS, customer * _FORMS + drawn % _FORMS)


def written_name(customer: pl.Expr, drawn: pl.Expr) -> pl.Expr:
    """Seven names in ten as they are, two by an alias, one oddly spelled."""
    tenth, rest = drawn % 10, drawn // 16
    return (
        pl.when(tenth < 7).then(name(customer))
        .when(tenth < 9).then(alias(customer, rest))
        .otherwise(spelling(customer, rest))
    )  # fmt: skip


def untidy(text: pl.Expr, drawn: pl.Expr, *, of: int = 30) -> pl.Expr:
    """Put white space around some texts, and some into another case: four in ``of``."""
    chosen = drawn % of
    return (
        pl.when(chosen == 0).then(text.str.to_lowercase() + "  ")
        .when(chosen == 1).then(pl.lit("\u3000") + text)
        .when(chosen == 2).then(text.str.to_uppercase() + "\t")
        .when(chosen == 3).then(pl.lit("\u00a0") + text.str.to_lowercase() + " ")
        .otherwise(text)
    )  # fmt: skip


def null_words(text: pl.Expr, drawn: pl.Expr, *, of: int = 6) -> pl.Expr:
    """Write a word for null where there is none: one null in ``of``."""
    word = pl.when(drawn % of == 0).then(picked(_NULL_WORDS, drawn // 64))
    return pl.coalesce(text, word)


def typo(frame: pl.DataFrame, text: str, drawn: pl.Expr, where: pl.Expr) -> pl.DataFrame:
    """Mistype one character of some texts: another one, one less, one more, or two changed about.

    A white space is never typed. Where two equal neighbours would change places, or nothing would
    be left, another character is typed instead.

    Parameters
    ----------
    frame
        Any frame.
    text
        The column with the texts.
    drawn
        A drawn number a row: it says what is mistyped, and how.
    where
        The rows.

    Examples
    --------
    >>> texts = pl.DataFrame({"text": ["48213"] * 4, "drawn": pl.Series([4, 5, 6, 7], dtype=pl.UInt64)})
    >>> typo(texts, "text", pl.col("drawn"), pl.lit(True))["text"].to_list()
    ['40213', '4213', '408213', '42813']
    """
    steps = frame.with_columns(_drawn=drawn, _where=where, _long=pl.col(text).str.len_chars())
    steps = steps.with_columns(_kind=pl.col("_drawn") % 4, _place=pl.col("_drawn") // 4 % pl.col("_long").clip(1))  # fmt: skip
    whole, place = pl.col(text), pl.col("_place").cast(pl.Int64)
    steps = steps.with_columns(
        _before=whole.str.slice(0, place),
        _here=whole.str.slice(place, 1),
        _next=whole.str.slice(place + 1, 1),
        _after=whole.str.slice(place + 1),
    )
    steps = steps.with_columns(
        _new=_another(pl.col("_here"), pl.col("_drawn") // 4096),
        _blank=pl.col("_here").str.strip_chars() == "",
        _swaps=(pl.col("_next").str.strip_chars() != "")
        & (pl.col("_next").str.to_lowercase() != pl.col("_here").str.to_lowercase()),
    )
    before, here, new, after = (pl.col(name) for name in ("_before", "_here", "_new", "_after"))
    kind = pl.col("_kind")
    mistyped = (
        pl.when(pl.col("_blank") | (kind == 2)).then(before + new + here + after)
        .when((kind == 1) & (pl.col("_long") > 1)).then(before + after)
        .when((kind == 3) & pl.col("_swaps")).then(before + pl.col("_next") + here + after.str.slice(1))
        .otherwise(before + new + after)
    ).str.strip_chars()  # fmt: skip
    return steps.with_columns(pl.when("_where").then(mistyped).otherwise(whole).alias(text)).select(
        frame.columns
    )


def _another(sign: pl.Expr, drawn: pl.Expr) -> pl.Expr:
    """Choose another sign: a digit for a digit, a letter for anything else."""
    digit = sign.str.contains("^[0-9]$")
    first, second = (
        pl.when(digit).then(picked(_DIGITS, at)).otherwise(picked(_SMALL, at))
        for at in (drawn, drawn + 1)
    )
    return pl.when(first == sign.str.to_lowercase()).then(second).otherwise(first)
