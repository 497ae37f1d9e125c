"""Everything that is wrong with a configuration, a line each, without quoting a secret."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from etl.config._kestra import KestraEntry, KestraJobEntry, RetryEntry
from etl.config._merge import Merged, merge
from etl.config._models import (
    SERVER_ONLY,
    UNRESOLVED,
    Apis,
    BoardEntry,
    ConfigFile,
    MondayEntry,
    ServerEntry,
    UrlEntry,
)
from etl.config._references import malformed
from etl.config._spark import SparkEntry
from etl.config.files import worded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.config._yaml import KeyPath

__all__ = ["Problem", "all_problems", "entry_problems", "strings"]


@dataclass(frozen=True)
class Problem:
    """One mistake: ``path`` in the file, ``at`` in the merged tree, and a sentence about it."""

    path: KeyPath
    at: KeyPath
    message: str
    missing: bool = False


def all_problems(
    base: Mapping[str, object], profiles: Mapping[str, object], profile: str | None
) -> list[Problem]:
    """Check the selected configuration, and every other profile as an overlay.

    What the top level leaves out is a mistake only where no profile is selected to fill it in.
    """
    found: list[Problem] = []
    top = _check(merge(base, {}, ()))
    chosen = profiles.get(profile) if profile else None
    if isinstance(chosen, dict):
        found += _check(merge(base, chosen, ("profiles", profile or "")))
        seen = {problem.path for problem in found}
        found += [item for item in top if not item.missing and item.path not in seen]
    else:
        found += top
    for name, overlay in profiles.items():
        if name == profile:
            continue
        if isinstance(overlay, dict):
            ours = ("profiles", name)
            known = {problem.at for problem in top if problem.missing}
            found += [
                problem
                for problem in _check(merge(base, overlay, ours))
                if problem.path[:2] == ours and not (problem.missing and problem.at in known)
            ]
    for name, overlay in profiles.items():
        if overlay is not None and not isinstance(overlay, dict):
            path = ("profiles", name)
            found.append(Problem(path, path, _MAPPING))
    whole = {**base, "profiles": profiles}
    found += [
        Problem(path, path, "has `${` without NAME}: write ${NAME} (no defaults), or $${ for the text")
        for path, text in strings(whole)
        if malformed(text)
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def strings(tree: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Every text in a tree, with its path.

    >>> list(strings({"a": {"b": "x"}, "c": 1}))
    [(('a', 'b'), 'x')]
    """
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from strings(value, (*path, key))
    elif isinstance(tree, list):
        for at, value in enumerate(tree):
            yield from strings(value, (*path, str(at)))


def _check(merged: Merged) -> list[Problem]:
    try:
        ConfigFile.model_validate(merged.tree, context=UNRESOLVED)
    except ValidationError as error:
        return _problems(error, merged)
    return []


def entry_problems(
    model: type[BaseModel], values: Mapping[str, object], at: KeyPath, merged: Merged
) -> tuple[BaseModel | None, list[Problem]]:
    """Validate one entry with its variables put in; ``at`` is its path in the merged tree."""
    try:
        return model.model_validate(dict(values)), []
    except ValidationError as error:
        return None, _problems(error, merged, at)


def _problems(error: ValidationError, merged: Merged, at: KeyPath = ()) -> list[Problem]:
    details = error.errors(include_url=False, include_input=False)
    found = [_problem(detail, merged, at) for detail in details]
    # A misspelt key is one mistake, not two: what it should have been is not missing as well.
    misspelt = {
        (*path[:-1], close)
        for detail in details
        if detail["type"] == "extra_forbidden"
        for path in [_path(detail["loc"], at)]
        for close in _close(path[-1], _fields(detail["loc"], at))
    }
    return [problem for problem in found if not (problem.missing and problem.at in misspelt)]


def _path(loc: Sequence[int | str], at: KeyPath) -> KeyPath:
    return (*at, *(str(part) for part in loc if not str(part).startswith("#")))


def _problem(detail: Any, merged: Merged, at: KeyPath) -> Problem:
    path = _path(detail["loc"], at)
    kind = str(detail["type"])
    # Only words of our own, and of pydantic's about types, go into a message: the value may be
    # a secret that was put in the wrong place.
    if kind == "extra_forbidden":
        message = _unknown(path[-1], _fields(detail["loc"], at))
    else:
        message = worded(detail)
    return Problem(merged.origin(path), path, message, missing=kind == "missing")


_MAPPING = "must be a mapping (`key: value` lines below it)"


def _unknown(key: str, fields: Sequence[str]) -> str:
    if tuple(fields) == tuple(UrlEntry.model_fields) and key in SERVER_ONLY:
        return "does not go together with url: keep one of them"
    close = _close(key, fields)
    hint = f"did you mean {close[0]!r}?" if close else f"known here are {', '.join(fields)}"
    return f"unknown key; {hint}"


def _close(key: str, fields: Sequence[str]) -> list[str]:
    lowered = {field.lower(): field for field in fields}
    return [lowered[word] for word in difflib.get_close_matches(key.lower(), lowered, n=1)]


def _fields(loc: Sequence[int | str], at: KeyPath) -> tuple[str, ...]:
    """The keys that the mapping which holds ``loc`` may have."""
    model: type[BaseModel] = ConfigFile
    if "#url" in loc:
        model = UrlEntry
    elif "#server" in loc or at[:1] == ("databases",):
        model = ServerEntry
    elif "boards" in loc or "boards" in at:
        model = BoardEntry
    elif "monday" in (*at, *loc[:-1]):
        model = MondayEntry
    elif "apis" in (*at, *loc[:-1]):
        model = Apis
    elif "spark" in (*at, *loc[:-1])[:1]:
        model = SparkEntry
    elif "kestra" in (*at, *loc[:-1]):
        model = _kestra_model([str(part) for part in (*at, *loc[:-1])])
    extra = ("profiles",) if model is ConfigFile else ()
    return tuple(item.alias or name for name, item in model.model_fields.items()) + extra


def _kestra_model(holder: list[str]) -> type[BaseModel]:
    if holder[-1] == "retry":
        return RetryEntry
    return KestraJobEntry if "jobs" in holder[:-1] else KestraEntry
