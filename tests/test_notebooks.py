"""The notebooks: without outputs, and every cell runs in a project as it is cloned."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from etl.migration.lint import lint_paths
from tests.documents import ROOT
from tests.requires import required_module
from tests.scaffold.tree import SETTINGS, Tree

if TYPE_CHECKING:
    from pathlib import Path

nbformat = required_module("nbformat", "nbformat (uv sync --extra notebooks)")
nbclient = required_module("nbclient", "nbclient (uv sync --extra notebooks)")
required_module("ipykernel", "ipykernel (uv sync --extra notebooks)")
required_module("altair", "altair (uv sync --extra notebooks)")

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = ["01-read-and-write", "02-board-planning", "03-order-audit", "04-your-own-job"]


def text_of(notebook: Path) -> dict[str, Any]:
    return dict(json.loads(notebook.read_text(encoding="utf-8")))


def test_the_four_are_there() -> None:
    assert [notebook.stem for notebook in NOTEBOOKS][:4] == NAMES


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_kept(notebook: Path) -> None:
    for cell in text_of(notebook)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], f"{notebook.name}: clear all outputs before you commit"
            assert cell["execution_count"] is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(notebook: Path) -> None:
    for cell in text_of(notebook)["cells"]:
        for target in re.findall(r"\]\(([^)#\s]+)", "".join(cell["source"])):
            if cell["cell_type"] == "markdown" and not target.startswith("http"):
                assert (notebook.parent / target).exists(), target


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_in_it_is_of_the_old_kind(notebook: Path, tmp_path: Path) -> None:
    cells = [cell for cell in text_of(notebook)["cells"] if cell["cell_type"] == "code"]
    script = tmp_path / f"{notebook.stem}.py"
    script.write_text("\n\n".join("".join(cell["source"]) for cell in cells), encoding="utf-8")
    assert lint_paths([script]) == []


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree.copied(tmp_path_factory.mktemp("notebooks") / "clone")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_the_project_stays_as_it_is(
    notebook: Path, clone: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    # What a notebook leaves in the directory for temporary files goes with this test's own.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(clone.root))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    before = clone.files()
    book = nbformat.read(notebook, as_version=4)
    nbformat.validate(book)
    # The kernel's own directory is the notebook's, as in VS Code.
    where = {"metadata": {"path": str(clone.root / "notebooks")}}
    client = nbclient.NotebookClient(book, timeout=120, kernel_name="python3", resources=where)
    client.execute(env={**os.environ})
    assert clone.files() == before
    assert not (clone.root / "data").exists(), "a notebook writes into no database of the project"
    assert {file.suffix for file in (clone.root / "notebooks").iterdir()} == {".ipynb"}
    shown = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    assert any(outputs for outputs in shown)
