"""README and docs: every example runs, every link leads somewhere, every table is the code's."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
import typer

from etl.cli import app
from etl.config import load_config, reset_config
from etl.errors import ConfigError
from etl.io.databases import close_databases
from etl.io.keys import Mode
from tests.documents import (
    DOCUMENTS,
    GENERATORS,
    ROOT,
    Block,
    anchors,
    blocks,
    generated,
    matches,
    rows_below,
)
from tests.scaffold.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN", "MONDAY_API_URL")
COMMAND = re.compile(
    r"(?P<set>(?:[A-Z_]+=\S* )*)(?:uv run )?(?P<module>etl|pytest) (?P<arguments>.*)"
)
IN_A_COPY = "<!-- in a copy of the project -->"


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with the shipped configuration and nothing else, and no settings of ours."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    reset_config()
    yield tmp_path
    close_databases()
    reset_config()


def run_python(block: Block, document: Path, namespace: dict[str, object]) -> str:
    """Execute a block as if it stood at its place in the document; gives what it printed."""
    code = compile("\n" * (block.line - 1) + block.text, str(document), "exec", dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(code, namespace)  # noqa: S102 - the documents are ours
    return printed.getvalue()


def run_console(block: Block, where: str) -> int:
    """Run a block's commands and compare what they print; gives how many were run."""
    shown = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    code = ran = 0
    for at, entry in enumerate(shown):
        line, _, expected = entry.partition("\n")
        if line == "echo $?":
            assert expected.strip() == str(code), f"{where}: exit code {code}"
            code = 0
            continue
        assert code == 0, f"{where}: exit code {code} is not shown"
        match = COMMAND.fullmatch(line)
        if match is None:
            continue
        done = subprocess.run(
            [sys.executable, "-m", match["module"], *shlex.split(match["arguments"])],
            env={**os.environ, **dict(pair.split("=", 1) for pair in shlex.split(match["set"]))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        ran, code = ran + 1, done.returncode
        assert matches(expected, done.stdout), f"{where}: $ {line}\n{done.stdout}"
        if at == len(shown) - 1:
            assert code == 0, f"{where}: exit code {code} is not shown"
    return ran


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_example_gives_what_is_shown(
    document: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed: str | None = None
    text = document.read_text(encoding="utf-8")
    if IN_A_COPY in text:  # its commands write sources: those of a copy
        project = Tree.copied(project / "copy").root
        monkeypatch.setenv("PYTHONPATH", str(project))
        monkeypatch.chdir(project)
    for block in blocks(text):
        where = f"{named(document)}:{block.line}"
        if block.language == "text" and block.follows and printed is not None:
            assert matches(block.text, printed), f"{where}: printed was\n{printed}"
            printed = None
            continue
        assert not printed, f"{where}: the example before prints something and does not show it"
        printed = None
        if block.file is not None:
            (project / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            printed = run_python(block, document, namespace)
        elif block.language == "console":
            close_databases()  # the command may want the same file
            run_console(block, where)
    assert not printed, f"{named(document)}: the last example prints something"


def test_readme_shows_the_two_commands_and_examples_that_run() -> None:
    text = text_of("README.md")
    for command in (
        "pip install uv && uv run etl run board-planning",
        "uv run --all-extras pytest",
    ):
        assert f"\n{command}\n" in text
    assert "```mermaid" in text
    assert {block.language for block in blocks(text)} >= {"python", "console"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{named(document)}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_generated_tables_are_the_codes(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert text == generated(text), "run `python -m tests.documents`"


def test_each_generated_table_is_somewhere() -> None:
    found = re.findall(r"<!-- generated: ([\w-]+) -->", "".join(map(Path.read_text, DOCUMENTS)))
    assert sorted(found) == sorted(GENERATORS)


@pytest.mark.parametrize("name", ["README.md", "docs/databases.md"])
def test_the_table_of_modes_has_every_mode_and_no_other(name: str) -> None:
    rows = rows_below(text_of(name), "## Modes")
    assert sorted(row[0].strip("`") for row in rows) == sorted(get_args(Mode))


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} ")
        else:
            yield f"{before}{name}", command


def test_the_table_of_commands_has_every_command_and_its_options() -> None:
    commands = dict(_commands(typer.main.get_command(app)))
    told: dict[str, set[str]] = {}
    for row in rows_below(text_of("README.md"), "## Commands"):
        words = [word for word in row[0].strip("`").split()[1:] if word.islower()]
        told[" ".join(words)] = set(re.findall(r"--[a-z-]+", " ".join(row)))
    common = {"--debug", "--help", "--profile"}
    assert told == {
        name: {option for p in command.params for option in p.opts if option.startswith("--")} - common
        for name, command in commands.items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "definition"),
    [
        ("## A database by its URL", "UrlEntry"),
        ("## A database on SQL Server", "ServerEntry"),
        ("## monday.com", "MondayEntry"),
        ("### A board", "BoardEntry"),
        ("### Its subitems", "SubitemsEntry"),
        ("## Spark", "SparkEntry"),
        ("## Kestra", "KestraEntry"),
        ("### A retry", "RetryEntry"),
        ("### A job's flow", "KestraJobEntry"),
    ],
)
def test_every_key_of_the_configuration_is_told(heading: str, definition: str) -> None:
    schema = json.loads(text_of("config.schema.json"))["$defs"][definition]
    told = [row[0].strip("`") for row in rows_below(text_of("docs/config.md"), heading)]
    assert sorted(told) == sorted(schema["properties"])


def test_every_piece_of_configuration_is_one(project: Path) -> None:
    pieces = [block for block in blocks(text_of("docs/config.md")) if block.language == "yaml"]
    for block in pieces:
        text = block.text
        if "databases:" not in re.findall(r"^\w+:", text, re.MULTILINE):
            text += "databases: {orders: {url: 'sqlite://'}}\n"
        (project / "piece.yaml").write_text(text, encoding="utf-8")
        if block.file is None:
            load_config(project / "piece.yaml")
        else:
            with pytest.raises(ConfigError):
                load_config(project / "piece.yaml")
    assert len(pieces) > 3


def test_every_variable_of_the_environment_is_told() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "etl").rglob("*.py"))
    used = set(re.findall(r"environ(?:\.get\(|\[)\"(\w+)\"", source))
    assert used == {row[0].strip("`") for row in rows_below(text_of("docs/config.md"), "## Environment")}  # fmt: skip


def texts_of_the_package() -> list[str]:
    """Every text in the code, as it is put together; what is put into it is ``...``."""
    found: list[str] = []
    for file in (ROOT / "etl").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    str(part.value) if isinstance(part, ast.Constant) else "..."
                    for part in node.values
                ]
                found.append("".join(parts))
    return found


def test_every_message_in_troubleshooting_is_one_of_the_package() -> None:
    messages = [
        line
        for block in blocks(text_of("docs/troubleshooting.md"))
        if block.language == "text"
        for line in block.text.splitlines()
    ]
    known = texts_of_the_package()
    assert len(messages) > 20
    for message in messages:
        parts = [part.strip(" ;:,") for part in message.split("...")]
        parts = [part for part in parts if len(part) > 8]
        assert parts, f"nothing to look for in {message!r}"
        for part in parts:
            assert any(part in text for text in known), (
                f"{part!r} of {message!r} is nowhere in etl/"
            )


def test_matching_tells_differences() -> None:
    assert matches("a ... c\n...\nz", "a b c\n1\n2\nz\n")
    assert matches("a\n...\nz", "a\nz")
    assert not matches("a ... c", "a b d")
    assert not matches("a", "a\nb")
    assert not matches("", "a")
    assert not matches("a", "")
