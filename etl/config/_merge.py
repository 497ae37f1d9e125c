"""Lay a profile over the top level, and remember where in the file each value came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.config._models import SERVER_ONLY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config._yaml import KeyPath

__all__ = ["Merged", "merge"]


@dataclass
class Merged:
    """The tree after the merge, and for each of its paths the path in the file."""

    tree: dict[str, object]
    origins: dict[KeyPath, KeyPath] = field(default_factory=dict)

    def origin(self, path: KeyPath) -> KeyPath:
        """Where a path stands in the file; for one that does not, where its parent would hold it.

        >>> Merged({}, {("a",): ("profiles", "p", "a")}).origin(("a", "b"))
        ('profiles', 'p', 'a', 'b')
        """
        for cut in range(len(path), 0, -1):
            if path[:cut] in self.origins:
                return (*self.origins[path[:cut]], *path[cut:])
        return path


def merge(
    base: Mapping[str, object], overlay: Mapping[str, object], overlay_path: KeyPath
) -> Merged:
    """Deep-merge ``overlay`` over ``base``.

    A database that the overlay gives in the other form (a ``url`` over ``host`` and the like, or
    the reverse) is replaced by it, not mixed with it.

    >>> base = {"databases": {"a": {"url": "sqlite://"}, "b": {"url": "sqlite://"}}}
    >>> merge(base, {"databases": {"a": {"host": "h"}}}, ("profiles", "p")).tree
    {'databases': {'a': {'host': 'h'}, 'b': {'url': 'sqlite://'}}}
    """
    merged = Merged({})
    merged.tree = _lay(merged, base, overlay, (), overlay_path)
    return merged


def _lay(
    merged: Merged,
    base: Mapping[str, object],
    overlay: Mapping[str, object],
    at: KeyPath,
    overlay_at: KeyPath,
) -> dict[str, object]:
    result: dict[str, object] = {}
    for key in (*base, *(key for key in overlay if key not in base)):
        path, overlay_path = (*at, key), (*overlay_at, key)
        below, above = base.get(key), overlay.get(key)
        if key not in overlay:
            result[key] = below
            _mark(merged, below, path, path)
        elif isinstance(below, dict) and isinstance(above, dict):
            merged.origins[path] = overlay_path
            result[key] = _lay(merged, _kept(below, above, at), above, path, overlay_path)
        else:
            result[key] = above
            _mark(merged, above, path, overlay_path)
    return result


def _kept(below: dict[str, object], above: dict[str, object], at: KeyPath) -> dict[str, object]:
    if at == ("databases",):
        if "url" in above:
            return {key: value for key, value in below.items() if key not in SERVER_ONLY}
        if not SERVER_ONLY.isdisjoint(above):
            return {key: value for key, value in below.items() if key != "url"}
    return below


def _mark(merged: Merged, value: object, path: KeyPath, origin: KeyPath) -> None:
    merged.origins[path] = origin
    if isinstance(value, dict):
        for key, item in value.items():
            _mark(merged, item, (*path, key), (*origin, key))
