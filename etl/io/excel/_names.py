"""Names that file systems and Excel take, for any text."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from etl.contracts.text import cut_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_SHEET_NAME", "file_names", "sheet_name"]

MAX_SHEET_NAME: Final = 31
_NOT_IN_FILES: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_NOT_IN_SHEETS: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)
_MAX_FILE_BYTES: Final = 150


def file_names(values: Iterable[str]) -> dict[str, str]:
    """Give each text a name that any file system takes, no two of them one.

    A text that can be a name is its own. Any other, and one that differs from another in case or
    form alone, is changed and gets a piece of its hash behind it, which does not depend on the
    other texts: a name stays the same when others come and go.

    Source: https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file

    Examples
    --------
    >>> file_names(["Café", "../etc/passwd", "a"])
    {'../etc/passwd': '.._etc_passwd ~7fef', 'Café': 'Café', 'a': 'a'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for value in sorted(set(values)):
        name = _plain(value)
        if name != value or _folded(name) in taken:
            name = f"{name} ~{hashlib.sha256(value.encode()).hexdigest()[:4]}".strip()
        while _folded(name) in taken:
            name += "~"
        taken.add(_folded(name))
        names[value] = name
    return names


def sheet_name(name: str, taken: Iterable[str]) -> str:
    """Give a name that Excel takes for a sheet, and that no other sheet has.

    Source: https://support.microsoft.com/en-us/office/rename-a-worksheet-3f1f7148-ee83-404d-8ef0-9ff99fbad1f9

    Examples
    --------
    >>> sheet_name("PO [a/b]: quantity variance by order", ["Summary"])
    'PO _a_b__ quantity variance by'
    >>> sheet_name("summary", ["Summary"]), sheet_name("'History'", [])
    ('summary 2', 'History_')
    """
    plain = _NOT_IN_SHEETS.sub("_", name).strip().strip("'").strip()
    plain = cut_text(plain, MAX_SHEET_NAME).strip("'") or "Sheet"
    if plain.casefold() == "history":  # Excel keeps it for itself
        plain += "_"
    folded = {other.casefold() for other in taken}
    made, number = plain, 1
    while made.casefold() in folded:
        number += 1
        made = f"{cut_text(plain, MAX_SHEET_NAME - len(str(number)) - 1)} {number}"
    return made


def _plain(value: str) -> str:
    name = _NOT_IN_FILES.sub("_", unicodedata.normalize("NFC", value))
    while len(name.encode()) > _MAX_FILE_BYTES:
        name = cut_text(name, len(name.encode("utf-16-le")) // 2 - 1)
    # Windows drops dots and spaces at an end in silence.
    name = name.strip(" ").rstrip(". ")
    return f"_{name}" if name.partition(".")[0].casefold() in _DEVICES else name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
