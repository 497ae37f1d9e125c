"""The boards that can be written, as a configuration describes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from etl.config import BoardSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.io.monday.board_store import BoardStore

__all__ = ["add_board", "writable_boards"]


def writable_boards(store: BoardStore, config: Path) -> None:
    """Add each board of a config.yaml that has sample columns, and its subitems."""
    # As it is written: the client's token and address are no concern of the server.
    given = yaml.safe_load(config.read_text(encoding="utf-8"))
    for name, entry in given["apis"]["monday"]["boards"].items():
        below = entry.get("subitems")
        board = _settings(entry)
        if board.sample:
            add_board(store, name, replace(board, subitems=_settings(below) if below else None))


def _settings(entry: Mapping[str, Any]) -> BoardSettings:
    return BoardSettings(
        id=str(entry["id"]), key=entry.get("key"), sample=entry.get("sample") or {}
    )


def add_board(
    store: BoardStore,
    name: str,
    board: BoardSettings,
    *,
    labels: Mapping[str, list[str]] | None = None,
) -> None:
    """Add a board and that of its subitems; ``labels`` are those of statuses and dropdowns."""
    parts: list[tuple[str, BoardSettings, str | None, tuple[tuple[str, str], ...]]] = [
        (name, board, None, (("topics", "Items"), ("later", "Later")))
    ]
    if board.subitems is not None:
        below = (f"Subitems of {name}", board.subitems, board.id, (("topics", "Subitems"),))
        parts.append(below)
    for title, settings, parent, groups in parts:
        columns = [
            {
                "id": id_,
                "title": id_,
                "type": type_name,
                "settings": {"labels": [{"id": index, "label": label} for index, label in enumerate(labels[id_])]}
                if labels and id_ in labels
                else None,
            }
            for id_, type_name in settings.sample.items()
        ]  # fmt: skip
        columns.insert(0, {"id": "name", "title": "Name", "type": "name", "settings": None})
        store.add_board(settings.id, title, columns, key=settings.key, parent=parent, groups=groups)
