"""What any YAML file of this project is read with: values with lines, and mistakes in words."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from etl.config._yaml import Document, KeyPath, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Document", "KeyPath", "parse_yaml", "shown_path", "suggestion", "worded"]

_MAPPING: Final = "must be a mapping (`key: value` lines below it)"
_MESSAGES: Final = {
    "missing": "is missing",
    "string_type": "must be text: put it in quotes",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must look like 2026-10",
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "list_type": "must be a list, such as [a, b]",
    "too_short": "must not be empty",
    "union_tag_not_found": "must be a mapping with `url`, or with `host`, `database` and a login",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
}


def worded(detail: Any) -> str:
    """Say what one of pydantic's mistakes is, without the value: it may be a secret.

    >>> worded({"type": "missing", "msg": "Field required"})
    'is missing'
    """
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    message = str(detail["msg"]).removeprefix("Input ")
    return _MESSAGES.get(str(detail["type"])) or message.replace("should be", "must be", 1)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say what a misspelt name may have meant.

    >>> suggestion("stlye", ["style", "color"]), suggestion("x", ["style", "color"])
    ("did you mean 'style'?", 'known are color, style')
    """
    names = sorted(known)
    lowered = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), lowered, n=1)
    if close:
        return f"did you mean {lowered[close[0]]!r}?"
    return f"known are {', '.join(names)}" if names else "there are none"


def shown_path(path: Path) -> str:
    """Show a file as it is seen from the current directory, if it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
