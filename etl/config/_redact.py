"""Secrets out of texts that others wrote: a driver's message may quote a connection string."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["redact"]

_SHORT: Final = 3


def redact(text: str, secrets: Iterable[str]) -> str:
    """Put ``***`` in the place of every secret, as it is and as a URL writes it.

    >>> redact("Login timeout expired for PWD=x;", ["x"])
    'Login timeout expired for PWD=***;'
    """
    for secret in sorted(set(secrets) - {""}, key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            # A short one may be a part of any word; there only whole words are hidden.
            word = rf"(?<!\w){re.escape(form)}(?!\w)"
            text = re.sub(word if len(form) <= _SHORT else re.escape(form), "***", text)
    return text
