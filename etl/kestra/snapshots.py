"""What a deployment changed, kept on this machine: what had been there before, and what was put there.

A snapshot is complete before the first change is made, so that a deployment that was killed can be
rolled back too. It holds no login; the folder is for its owner alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from etl.errors import ConfigError
from etl.kestra.state import Change, Item, Live

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

__all__ = ["FOLDER", "Record", "Snapshot", "digest", "find_snapshots", "save_snapshot"]

FOLDER = Path(".etl") / "deployments"
_MANIFEST = "manifest.json"

Status = Literal["started", "done", "restored", "rolled back"]


@dataclass(frozen=True)
class Record:
    """An item of a deployment: what it was, and the hash of what it was to become."""

    item: Item
    before: Live
    after: str | None


@dataclass(frozen=True)
class Snapshot:
    """A deployment as it was kept."""

    name: str
    status: Status
    server: str
    records: tuple[Record, ...]
    place: Path = field(repr=False)

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether it has left something: it is done, or was cut off."""
        return self.status in ("started", "done")

    def marked(self, status: Status) -> Snapshot:
        """Keep what became of it."""
        manifest = json.loads((self.place / _MANIFEST).read_text(encoding="utf-8"))
        _write(
            self.place / _MANIFEST, json.dumps({**manifest, "status": status}, indent=2).encode()
        )
        return replace(self, status=status)


def digest(item: Item, content: bytes | None) -> str | None:
    """The hash that tells an item's contents apart, as :func:`~etl.kestra.state.same` does."""
    if content is None:
        return None
    return hashlib.sha256(content.strip() if item.kind == "flow" else content).hexdigest()


def save_snapshot(root: Path, server: str, changes: Sequence[Change], now: dt.datetime) -> Snapshot:
    """Keep what a deployment is about to change, below ``root``.

    Raises
    ------
    ConfigError
        It can't be written; nothing has been changed yet then.
    """
    name = now.strftime("%Y%m%d-%H%M%S")
    taken = {snapshot.name for snapshot in find_snapshots(root)}
    at = 1
    while (unique := name if at == 1 else f"{name}-{at}") in taken:
        at += 1
    half = root / FOLDER / f".{unique}.{os.getpid()}"
    try:
        half.mkdir(parents=True, mode=0o700)
        items: list[dict[str, Any]] = []
        for number, change in enumerate(changes):
            kept = None if change.before.content is None else f"{number:03}"
            if kept is not None:
                _write(half / kept, change.before.content or b"")
            items.append(
                {
                    "kind": change.item.kind,
                    "namespace": change.item.namespace,
                    "name": change.item.name,
                    "before": kept,
                    "revision": change.before.revision,
                    "after": digest(change.item, change.after),
                }
            )
        manifest = {"status": "started", "server": server, "items": items}
        _write(half / _MANIFEST, json.dumps(manifest, indent=2).encode())
        place = half.rename(root / FOLDER / unique)
    except OSError as error:
        raise ConfigError(f"{root / FOLDER}: can't be written: {error.strerror}; nothing was deployed") from error  # fmt: skip
    records = tuple(
        Record(change.item, change.before, digest(change.item, change.after)) for change in changes
    )
    return Snapshot(unique, "started", server, records, place)


def find_snapshots(root: Path) -> list[Snapshot]:
    """The deployments that are kept below ``root``, the oldest first.

    Raises
    ------
    ConfigError
        One of them can't be read.
    """
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    kept = [place for place in folder.iterdir() if (place / _MANIFEST).is_file()]
    return [_load(place) for place in sorted(kept, key=_age) if not place.name.startswith(".")]


def _age(place: Path) -> tuple[str, int]:
    date, _, rest = place.name.partition("-")
    time, _, number = rest.partition("-")
    return f"{date}-{time}", int(number) if number.isdecimal() else 1


def _load(place: Path) -> Snapshot:
    try:
        manifest = json.loads((place / _MANIFEST).read_text(encoding="utf-8"))
        records = tuple(
            Record(
                Item(entry["kind"], entry["namespace"], entry["name"]),
                Live(
                    None if entry["before"] is None else (place / entry["before"]).read_bytes(),
                    entry["revision"],
                ),
                entry["after"],
            )
            for entry in manifest["items"]
        )
        return Snapshot(place.name, manifest["status"], manifest["server"], records, place)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{place}: this deployment's snapshot can't be read: {error}") from error


def _write(file: Path, content: bytes) -> None:
    half = file.with_name(f"{file.name}.half")
    with half.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    half.replace(file)
