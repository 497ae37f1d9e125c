"""The pins: complete, with hashes, and without the name of any host."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CORE = PROJECT["project"]["dependencies"]
EXTRAS = [name for names in PROJECT["project"]["optional-dependencies"].values() for name in names]
DEV = PROJECT["dependency-groups"]["dev"]


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found[0].lower().replace("_", "-")


@pytest.mark.parametrize(
    ("file", "wanted"), [("core.txt", CORE), ("all.txt", [*CORE, *EXTRAS, *DEV])]
)
def test_every_dependency_is_pinned_with_a_hash(file: str, wanted: list[str]) -> None:
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)
    pinned = {name_of(entry): entry for entry in entries if "==" in entry}
    assert {name_of(requirement) for requirement in wanted} <= set(pinned)
    for name, entry in pinned.items():
        assert "--hash=sha256:" in entry, name


def test_no_index_and_no_host_stands_in_the_pins() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|--(extra-)?index|--find-links", file.read_text("utf-8"))
