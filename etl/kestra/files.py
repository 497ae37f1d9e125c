"""The folder of flows: what is committed there, written anew, and compared with what it should be."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from etl.config.files import suggestion
from etl.errors import ConfigError
from etl.kestra.render import GENERATED, render
from etl.kestra.wheel import without_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from etl.config import Config

__all__ = [
    "Written",
    "difference",
    "flow_files",
    "generated_flows",
    "read_flow",
    "stale_flows",
    "write_flows",
]


@dataclass(frozen=True)
class Written:
    """A flow's file and what became of it."""

    file: Path
    outcome: Literal["written", "unchanged", "removed"]


def flow_files(folder: Path) -> tuple[Path, ...]:
    """The YAML files in a folder and below it, by name; none where there is no folder."""
    return tuple(
        sorted(file for file in folder.rglob("*.y*ml") if file.suffix in (".yaml", ".yml"))
    )


def read_flow(file: Path) -> str:
    """Read a flow's file.

    Raises
    ------
    ConfigError
        It can't be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8 text: save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None


def generated_flows(
    config: Config, jobs: Sequence[str] = (), *, target: str = "both"
) -> dict[str, str]:
    """Render the flows of these jobs, or of all: file name and text.

    Raises
    ------
    ConfigError
        There is no such job, or ``kestra.jobs`` in the configuration names one that there is not.
    """
    from etl.jobs import check_job_name, job_names

    known = job_names()
    for name, line in config.flow_jobs().items():
        if name not in known:
            at = f"{config.path.name}:{line}" if line else config.path.name
            raise ConfigError(f"kestra.jobs.{name}: no such job; {suggestion(name, known)} ({at})")
    for name in jobs:
        check_job_name(name)
    return {f"{name}.yaml": render(name, config, target=target) for name in jobs or known}


def write_flows(folder: Path, flows: Mapping[str, str], *, complete: bool) -> list[Written]:
    """Write rendered flows into a folder.

    ``complete`` says that they are all there are: a rendered flow in the folder that is not among
    them is of a job that is gone, and is removed. Flows that people wrote are never touched.

    Raises
    ------
    ConfigError
        The folder can't be written, or a file that people wrote is in the way.
    """
    for name in flows:
        if (folder / name).exists() and not read_flow(folder / name).startswith(GENERATED):
            raise ConfigError(
                f"{folder / name} was not rendered: it would be overwritten; rename it, or the job"
            )
    try:
        done = [_write(folder / name, text) for name, text in flows.items()]
        for file in _others(folder, flows) if complete else ():
            file.unlink()
            done.append(Written(file, "removed"))
    except OSError as error:
        raise ConfigError(f"{folder}: can't be written: {error.strerror}") from error
    return done


def _write(file: Path, text: str) -> Written:
    if file.exists() and read_flow(file) == text:
        return Written(file, "unchanged")
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        half.write_text(text, encoding="utf-8", newline="\n")
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)
    return Written(file, "written")


def _others(folder: Path, flows: Iterable[str]) -> list[Path]:
    """Rendered flows in the folder that are none of these."""
    known = set(flows)
    return [
        file
        for file in sorted(folder.glob("*.yaml"))
        if file.name not in known and read_flow(file).startswith(GENERATED)
    ]


def stale_flows(folder: Path, flows: Mapping[str, str], *, complete: bool) -> list[str]:
    """A unified diff for each flow in a folder that is not as it is rendered now."""
    found = []
    for name, text in flows.items():
        file = folder / name
        old = read_flow(file) if file.exists() else ""
        found.append(difference(old, text, old_name=str(file), new_name="rendered now"))
    if complete:
        found += [
            difference(read_flow(file), "", old_name=str(file), new_name="no such job")
            for file in _others(folder, flows)
        ]
    return [text for text in found if text]


def difference(old: str, new: str, *, old_name: str, new_name: str) -> str:
    """What must change in ``old`` to make it ``new``, as a unified diff; empty where they are equal.

    The hash that a deployment puts into the wheel's name is no difference.

    >>> print(difference("a: 1\\n", "a: 2\\n", old_name="committed", new_name="rendered"))
    --- committed
    +++ rendered
    @@ -1 +1 @@
    -a: 1
    +a: 2
    """
    lines = difflib.unified_diff(
        without_hash(old).splitlines(), without_hash(new).splitlines(), old_name, new_name, lineterm=""
    )  # fmt: skip
    return "\n".join(lines)
