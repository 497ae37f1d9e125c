"""The package as one file: a wheel whose name holds the hash of the sources that it was made of.

The same sources have the same name wherever they are built, and other sources another one: a flow
that names a wheel goes on running what it was deployed with.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from etl.errors import ConfigError, EtlError
from etl.kestra.render import wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OURS", "Wheel", "build_wheel", "source_hash", "source_root", "without_hash"]

OURS: Final = re.compile(r"data_orchestration-[^/\s-]+-py3-none-any\.whl")
"""The name of a wheel of this package, of whatever version and content."""

_HASHED: Final = re.compile(r"(data_orchestration-[^/\s+-]+)\+h[0-9a-f]+(-py3-none-any\.whl)")
_VERSION: Final = re.compile(r'^version = "([^"+]+)[^"]*"$', re.MULTILINE)
_BESIDE: Final = ("pyproject.toml", "README.md")
_DIGITS: Final = 12


@dataclass(frozen=True)
class Wheel:
    """A wheel's name and content."""

    name: str
    content: bytes

    def put_into(self, text: str) -> str:
        """A flow's text with this wheel in the place of the one that is named by its version."""
        return text.replace(wheel_name(), self.name)


def without_hash(text: str) -> str:
    """A flow's text as it is committed: wheels by their version alone.

    >>> without_hash("/dist/data_orchestration-0.1.0+h0a1b-py3-none-any.whl")
    '/dist/data_orchestration-0.1.0-py3-none-any.whl'
    """
    return _HASHED.sub(r"\1\2", text)


def source_root() -> Path:
    """The directory that the package's sources stand in.

    Raises
    ------
    ConfigError
        The package runs from where it was installed: there are no sources to build from.
    """
    root = Path(__file__).resolve().parents[2]
    project = root / "pyproject.toml"
    if not project.is_file() or 'name = "data-orchestration"' not in project.read_text("utf-8"):
        raise ConfigError(
            f"the wheel is built from the project's sources, and {root} holds none (the package "
            "is installed); go to a checkout and run `uv run etl flows deploy` there"
        )
    return root


def source_hash(root: Path) -> str:
    """The hash of the files that go into the wheel.

    Line ends count as they are; caches and hidden files do not count.
    """
    digest = hashlib.sha256()
    for name, file in _sources(root):
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGITS]


def _sources(root: Path) -> Iterator[tuple[str, Path]]:
    inside = (
        file
        for folder in ("etl", "config")  # the rules, which the wheel has for tasks without them
        for file in sorted((root / folder).rglob("*"))
        if file.is_file()
        and file.suffix not in (".pyc", ".pyo")
        and not any(part.startswith(".") or part == "__pycache__" for part in file.relative_to(root).parts)
    )  # fmt: skip
    for file in (*(root / name for name in _BESIDE), *inside):
        yield file.relative_to(root).as_posix(), file


def build_wheel(root: Path | None = None) -> Wheel:
    """Build the wheel of a checkout's sources as they stand there, committed or not.

    Its version is the project's with the sources' hash behind it, so that each run's log says
    which build it was. Built with hatchling where it is installed, else with uv.

    Raises
    ------
    ConfigError
        There are no sources, or nothing to build with.
    EtlError
        The build failed.
    """
    root = root or source_root()
    # A letter first: a local version of digits alone would lose its leading zeros.
    version = f"+h{source_hash(root)}"
    with tempfile.TemporaryDirectory(prefix="etl-wheel-") as place:
        copy, out = Path(place) / "source", Path(place) / "out"
        for name, file in _sources(root):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy / name)
        project = copy / "pyproject.toml"
        text, times = _VERSION.subn(
            rf'version = "\1{version}"', project.read_text("utf-8"), count=1
        )
        if not times:
            raise ConfigError(f'{root / "pyproject.toml"}: no line `version = "..."`')
        project.write_text(text, encoding="utf-8")
        _run(_builder(out), copy)
        built = sorted(out.glob("*.whl"))
        if len(built) != 1 or not OURS.fullmatch(built[0].name):
            raise EtlError(f"building the wheel gave {[file.name for file in built]}")
        return Wheel(built[0].name, built[0].read_bytes())


def _builder(out: Path) -> list[str]:
    if find_spec("hatchling"):
        return [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    uv = shutil.which("uv")
    if uv:
        return [uv, "build", "--wheel", "--quiet", "--out-dir", str(out)]
    raise ConfigError("nothing to build the wheel with: `uv sync --extra kestra`, or install uv")


def _run(command: list[str], place: Path) -> None:
    # A time of its own for the files inside: the same sources give the same bytes.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1580601600"}
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise EtlError(f"building the wheel failed: {' '.join(last)}")
