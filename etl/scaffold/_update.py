"""A patch that brings a contract's source text up with its live source, line by line.

Only what has changed at the source is touched. A line that is as ``etl new`` writes it is written
anew; of a line that somebody has changed no more than the recorded type and the length are.
Comments, rules, and columns that come from nowhere stay.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import ConfigError
from etl.io.drift import source_changes
from etl.scaffold._contract import attributes, column_line
from etl.scaffold._files import FilesTogether
from etl.scaffold._python import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import dataframely as dy

    from etl.config import Config
    from etl.contracts.describe import ContractColumn
    from etl.io.drift import Change
    from etl.jobs.base import Job, Pipeline

__all__ = ["Patch", "apply_patches", "contract_patches", "patched"]


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A contract's file as it is and as it should be, and what is left to do by hand."""

    path: Path
    old: str
    new: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    def diff(self, root: Path) -> str:
        """The patch as ``git apply`` takes it; empty where nothing is to be done."""
        name = self.path.relative_to(root).as_posix()
        lines = difflib.unified_diff(
            self.old.splitlines(keepends=True),
            self.new.splitlines(keepends=True),
            f"a/{name}",
            f"b/{name}",
        )
        return "".join(lines)


def contract_patches(job: Job | Pipeline, config: Config, root: Path) -> list[Patch]:
    """Compare each source that a job reads by a contract with it, and propose the patches.

    Raises
    ------
    ConfigError
        A contract's file is none of the project's.
    SourceError, LoadError
        A source can't be looked at.
    """
    found: dict[type[dy.Schema], list[Change]] = {}
    for step in job.steps:
        for reader in step.inputs.values():
            changes = source_changes(config, reader)
            if changes:
                known = found.setdefault(getattr(reader, "contract"), [])  # noqa: B009 - some have none
                known += [change for change in changes if change not in known]
    patches: dict[Path, Patch] = {}
    for contract, changed in found.items():
        path = _file_of(contract, root)
        before = patches.get(path)
        old = path.read_text(encoding="utf-8")
        text, notes = patched(before.new if before else old, contract, changed)
        patches[path] = Patch(
            path=path,
            old=old,
            new=text,
            changes=(*(before.changes if before else ()), *changed),
            notes=(*(before.notes if before else ()), *notes),
        )
    return list(patches.values())


def apply_patches(patches: Iterable[Patch]) -> None:
    """Write the patched files: all of them or none.

    Raises
    ------
    ConfigError
        One can't be written; each is as it was.
    """
    with FilesTogether() as together:
        for patch in patches:
            together.replace(patch.path, patch.new)


def _file_of(contract: type[dy.Schema], root: Path) -> Path:
    path = Path(str(inspect.getsourcefile(contract))).resolve()
    if not path.is_relative_to(root):
        raise ConfigError(
            f"{contract.__name__} is in {path}, outside of the project in {root}: change it there"
        )
    return path


def patched(
    text: str, contract: type[dy.Schema], changes: Iterable[Change]
) -> tuple[str, tuple[str, ...]]:
    """A contract's source text with the changes made in it, and what is left to do by hand.

    Raises
    ------
    ConfigError
        The text does not define the contract, or would not do so afterwards.
    """
    edit = _Edit(text, contract)
    for change in changes:
        edit.make(change)
    new = edit.text()
    try:
        ast.parse(new)
    except SyntaxError as error:  # only where a line was written in a way that nobody thought of
        raise ConfigError(
            f"{contract.__name__} can't be patched (line {error.lineno}): change it by hand"
        ) from error
    return new, tuple(edit.notes)


@dataclass
class _Edit:
    source: str
    contract: type[dy.Schema]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from etl.contracts.describe import describe

        self.lines = self.source.splitlines()
        self.columns = {column.name: column for column in describe(self.contract)}
        tree = ast.parse(self.source)
        classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == self.contract.__name__]  # fmt: skip
        if not classes:
            raise ConfigError(f"no class {self.contract.__name__} in its own file: is it made?")
        self.tree, self.body = tree, classes[0].body
        self.at: dict[str, ast.Assign] = {}
        for node in self.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.at[_alias(node) or node.targets[0].id] = node
        # First and last line of what goes, and what comes in its place.
        self.edits: list[tuple[int, int, list[str]]] = []
        # Line, first and last byte, and the literal that comes in their place.
        self.touches: list[tuple[int, int, int, str]] = []
        self.added: list[ContractColumn] = []

    def make(self, change: Change) -> None:
        """Note what is to be done about one change."""
        if change.kind == "added":
            self.added += change.new
        elif change.kind == "removed":
            for column in change.old:
                self._drop(column, [])
        elif len(change.old) == len(change.new) == 1:
            self._replace(change, change.old[0], change.new[0])
        else:
            first, *rest = change.old
            self._drop(first, self._lines_of(change.new))
            for column in rest:
                self._drop(column, [])

    def text(self) -> str:
        """The text with all edits made."""
        if self.added:
            last = self._last_column()
            self.edits.append((last + 1, last, self._lines_of(self.added)))
        lines = list(self.lines)
        # Backwards, so that what comes before stays where it is; offsets count bytes.
        for at, begin, end, instead_of in sorted(self.touches, reverse=True):
            line = lines[at - 1].encode()
            lines[at - 1] = (line[:begin] + instead_of.encode() + line[end:]).decode()
        for first, last, instead in sorted(self.edits, reverse=True):
            lines[first - 1 : last] = instead
        if any("= Text(" in line for *_, new in self.edits for line in new):
            lines = _with_text(lines, self.tree)
        return "\n".join(lines) + "\n"

    def _lines_of(self, columns: Sequence[ContractColumn]) -> list[str]:
        named = attributes([*self.columns.values(), *columns])
        return [
            line
            for column in columns
            for line in column_line(column, named[column.name]).splitlines()
        ]

    def _node(self, column: ContractColumn) -> ast.Assign | None:
        node = self.at.get(column.name)
        if node is None:
            self.notes.append(f"{column.name} is declared elsewhere: change it there by hand")
        return node

    def _drop(self, column: ContractColumn, instead: list[str]) -> None:
        node = self._node(column)
        if node is None:
            return
        attribute = _attribute(node)
        last = node.end_lineno or node.lineno
        after = self.body[self.body.index(node) + 1 :][:1]
        if after and isinstance(after[0], ast.Expr) and isinstance(after[0].value, ast.Constant):
            last = after[0].end_lineno or last  # the column's own words go with it
        self.edits.append((node.lineno, last, instead))
        used = [
            n for n in ast.walk(self.tree)
            if isinstance(n, ast.Attribute) and n.attr == attribute and isinstance(n.value, ast.Name)
        ]  # fmt: skip
        if used:
            self.notes.append(f"{attribute} is used in line {used[0].lineno}: change that by hand")

    def _replace(self, change: Change, old: ContractColumn, new: ContractColumn) -> None:
        node = self._node(old)
        if node is None:
            return
        title = {k: v for k, v in old.metadata.items() if k == "title"}
        metadata = {**new.metadata, **title}
        if "board_column" in old.metadata:
            metadata["board_column"] = old.metadata["board_column"]
        new = dataclasses.replace(
            new, name=old.name, primary_key=old.primary_key, metadata=metadata,
            nullable=new.nullable and not old.primary_key,
        )  # fmt: skip
        attribute = _attribute(node)
        if _same(node, column_line(old, attribute)):
            last = node.end_lineno or node.lineno
            self.edits.append((node.lineno, last, column_line(new, attribute).splitlines()))
            return
        done = self._touch(node, old, new)
        if change.kind not in done:
            self.notes.append(f"{old.name} was changed by hand, and is {change.kind}: {change.now}")

    def _touch(self, node: ast.Assign, old: ContractColumn, new: ContractColumn) -> set[str]:
        """Of a line that somebody wrote, change the recorded type and the length alone."""
        done: set[str] = set()
        values = {
            "source_type": new.metadata.get("source_type"),
            "board_type": new.metadata.get("board_type"),
        }
        for part in ast.walk(node):
            if isinstance(part, ast.Dict):
                for name, value in zip(part.keys, part.values, strict=True):
                    wanted = values.get(str(getattr(name, "value", "")))
                    if wanted is not None and isinstance(value, ast.Constant):
                        self._put(value, literal(str(wanted)))
            if (
                isinstance(part, ast.keyword)
                and part.arg == "max_length"
                and isinstance(part.value, ast.Constant)
                and new.max_length is not None
                and part.value.value == old.max_length
            ):
                self._put(part.value, str(new.max_length))
                done |= {"widened", "narrowed"}
        return done

    def _put(self, node: ast.Constant, text: str) -> None:
        """Put a literal in the place of another, on its line."""
        if node.end_lineno == node.lineno and node.end_col_offset is not None:
            self.touches.append((node.lineno, node.col_offset, node.end_col_offset, text))

    def _last_column(self) -> int:
        nodes = [node for name, node in self.at.items() if name in self.columns]
        if not nodes:
            return self.body[-1].end_lineno or self.body[-1].lineno
        node = max(nodes, key=lambda one: one.lineno)
        after: list[Any] = self.body[self.body.index(node) + 1 :][:1]
        own_words = after and isinstance(after[0], ast.Expr)
        return int((after[0] if own_words else node).end_lineno or node.lineno)


def _attribute(node: ast.Assign) -> str:
    target = node.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _alias(node: ast.Assign) -> str | None:
    """The name that a column has apart from its attribute's."""
    for keyword in node.value.keywords if isinstance(node.value, ast.Call) else ():
        if keyword.arg == "alias" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return None


def _same(node: ast.Assign, line: str) -> bool:
    """Whether a statement is this line, however it is laid out."""
    return ast.dump(node) == ast.dump(ast.parse(line.strip()).body[0])


def _with_text(lines: list[str], tree: ast.Module) -> list[str]:
    """Import Text where a new column needs it and the module does not know it."""
    names = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    if "Text" in names:
        return lines
    at = next(
        (number for number, line in enumerate(lines) if line.startswith("import dataframely")), -1
    )
    return [*lines[: at + 1], "", "from etl.contracts.text import Text", *lines[at + 1 :]]
