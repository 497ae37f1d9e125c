"""Cleaning of single cells: expressions that mean the same on every engine.

Text is matched with explicit characters only: ``\\s``, ``\\d`` and case-insensitive flags differ
between regular expression engines, and groups do not capture, which pandas warns about. A null
stays null in every one of these.
"""

from __future__ import annotations

from typing import Final

import narwhals as nw

__all__ = ["WHITE_SPACE", "date_text", "datetime_text", "number_text", "without_null_words"]

WHITE_SPACE: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Python, and Unicode, call white space."""

_NULL_WORDS: Final = ("", "NONE", "NAN", "NULL", "NAT")
_NUMBER: Final = r"^[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?$|^[+-]?\.[0-9]+$"
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_UTC: Final = r"(?: ?UTC|Z|[+-]00:?00)"
_ANY_YEAR: Final = r"^[+-]?[0-9]{4,}-[0-9]{2}-[0-9]{2}(?:[T ]|$)"
_YEAR_1753_TO_9999: Final = r"^(?:175[3-9]|17[6-9][0-9]|1[89][0-9]{2}|[2-9][0-9]{3})-"


def without_null_words(text: nw.Expr) -> nw.Expr:
    """Make null of the words that stand for it: nothing, None, nan, null and NaT, in any case.

    Examples
    --------
    >>> import polars as pl
    >>> cells = nw.from_native(pl.DataFrame({"cell": ["none", " NaN ", "", "Nancy", " x "]}))
    >>> cells.select(without_null_words(nw.col("cell"))).to_native()["cell"].to_list()
    [None, None, None, 'Nancy', ' x ']
    """
    word = text.str.strip_chars(WHITE_SPACE).str.to_uppercase()
    return nw.when(~word.is_in(_NULL_WORDS)).then(text)


def number_text(text: nw.Expr) -> nw.Expr:
    """Reduce a number given as text to its digits; a text that is no number stays as it is.

    A number may have a sign, surrounding white space, thousands commas and a decimal point. What
    is left of it can be cast without loss; whoever does so meets the others as they were written.

    Examples
    --------
    >>> import polars as pl
    >>> cells = nw.from_native(pl.DataFrame({"cell": [" 1,200 ", "-3.50", "12 pcs", "1,2"]}))
    >>> cells.select(number_text(nw.col("cell"))).to_native()["cell"].to_list()
    ['1200', '-3.50', '12 pcs', '1,2']
    """
    trimmed = text.str.strip_chars(WHITE_SPACE)
    digits = trimmed.str.replace_all(",", "", literal=True)
    return nw.when(trimmed.str.contains(_NUMBER)).then(digits).otherwise(text)


def date_text(text: nw.Expr) -> nw.Expr:
    """Bring a date given as text to YYYY-MM-DD: of a time in UTC, its date.

    A date outside the years 1753-9999 is null. A text that is no date stays as it is.

    Examples
    --------
    >>> import polars as pl
    >>> texts = ["2024-02-29", "2024-02-29T23:30:00Z", "0001-01-01", "20240-01-01", "soon"]
    >>> cells = nw.from_native(pl.DataFrame({"cell": texts}))
    >>> cells.select(date_text(nw.col("cell"))).to_native()["cell"].to_list()
    ['2024-02-29', '2024-02-29', None, None, 'soon']
    """
    trimmed = text.str.strip_chars(WHITE_SPACE)
    is_date = trimmed.str.contains(f"^{_DAY}(?:{_CLOCK}{_UTC}?)?$")
    date = nw.when(is_date).then(trimmed.str.slice(0, 10)).otherwise(text)
    return nw.when(~_out_of_calendar(trimmed)).then(date)


def datetime_text(text: nw.Expr) -> nw.Expr:
    """Mark a time given as text without a zone as UTC, which is what monday.com means by it.

    A time outside the years 1753-9999 is null. A text that is no time stays as it is.

    Examples
    --------
    >>> import polars as pl
    >>> texts = ["2024-02-29 23:30:00", "2024-02-29T23:30:00+02:00", "0001-01-01", "soon"]
    >>> cells = nw.from_native(pl.DataFrame({"cell": texts}))
    >>> cells.select(datetime_text(nw.col("cell"))).to_native()["cell"].to_list()
    ['2024-02-29 23:30:00Z', '2024-02-29T23:30:00+02:00', None, 'soon']
    """
    trimmed = text.str.strip_chars(WHITE_SPACE)
    is_utc = trimmed.str.contains(f"^{_DAY}{_CLOCK}{_UTC}?$")
    bare = trimmed.str.replace_all(f"{_UTC}$", "")
    time = nw.when(is_utc).then(nw.concat_str(bare, nw.lit("Z"))).otherwise(text)
    return nw.when(~_out_of_calendar(trimmed)).then(time)


def _out_of_calendar(text: nw.Expr) -> nw.Expr:
    return text.str.contains(_ANY_YEAR) & ~text.str.contains(_YEAR_1753_TO_9999)
