"""How names and codes are compared: the text that stands for every way to write one of them.

Two texts are the same name, or the same code, if their keys are equal. What frames hold is brought
to keys by :func:`etl.transforms.keys.with_keys`, which gives exactly these.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

__all__ = ["code_key", "name_key", "short_key", "upper_key"]

_WHOLE: Final = 225
"""Characters; at most twice as many UTF-16 units, which is what a key column holds."""
_KEPT: Final = 150


def code_key(text: str) -> str:
    """Give the key of a code, such as an order number, a style or a colour: trimmed, case-folded.

    Case folding is Unicode's in full, so that ``STRASSE`` is ``straße``.

    Source: https://docs.python.org/3/library/stdtypes.html#str.casefold

    Examples
    --------
    >>> code_key(" Navy Straße\\u3000"), code_key("ＮＡＶＹ")
    ('navy strasse', 'ｎａｖｙ')
    """
    return text.strip().casefold()


def name_key(text: str) -> str:
    """Give the key of a name: NFKC, trimmed, inner white space collapsed, case-folded.

    Letters of full width, and letters that are written together with their accents or apart, are
    the same; a letter without its accent is another one. Folding can leave text that is not NFKC,
    so both are done until neither changes anything, which is twice.

    Source: https://www.unicode.org/versions/latest/core-spec/chapter-3/#G53253 (D146)

    Examples
    --------
    >>> name_key(" ＮＯＲＴＨＷＩＮＤ\\u3000 outfitters"), name_key("CAFE\\u0301") == name_key("Café")
    ('northwind outfitters', True)
    """
    folded = text
    for _ in range(2):
        folded = unicodedata.normalize("NFKC", folded).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def upper_key(text: str) -> str:
    """Trim a code and put it into capitals, Unicode's in full: ``straße`` is ``STRASSE``.

    Examples
    --------
    >>> upper_key(" navy straße\\u3000")
    'NAVY STRASSE'
    """
    return text.strip().upper()


def short_key(text: str) -> str:
    """Give a key that fits into a key column: a long one ends in its SHA-256 instead.

    Examples
    --------
    >>> short_key("a|b"), len(short_key("a" * 226)), short_key("a" * 226) == short_key("a" * 227)
    ('a|b', 215, False)
    """
    if len(text) <= _WHOLE:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:_KEPT]}#{digest}"
