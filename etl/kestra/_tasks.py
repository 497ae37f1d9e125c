"""Rules for tasks that run this package, for the files that they take along, and for secrets."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any, Final

from etl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["jobs_run", "secret_problems", "task_problems", "texts"]

Path = tuple[str, ...]
Problem = tuple[Path, str]

_RUN: Final = re.compile(r"(?:^|[\s;&|(])(?P<python>\S*python[0-9.]*)\s+-m\s+etl\b(?P<rest>[^\n;&|]*)")  # fmt: skip
_CONSOLE: Final = re.compile(
    r"(?:^|[;&|(]\s*|\s&&\s)(?:uv\s+run\s+)?etl\s+(?:--\S+\s+(?:\S+\s+)?)?(?:run|check|preview|list|history|db|flows)\b",
    re.MULTILINE,
)
_WHEEL: Final = re.compile(r"(?P<path>[\w./+-]*?[\w.+-]+\.whl)")
_PROCESS: Final = "io.kestra.plugin.core.runner.Process"
_WORKING: Final = "io.kestra.plugin.core.flow.WorkingDirectory"

_SECRET_NAME: Final = re.compile(
    r"passw(?:or)?d|passphrase|\bpwd\b|_pwd\b|secret|token|api_?key|access_?key|private_?key|credential|authorization|webhook",
    re.IGNORECASE,
)
_SECRET_TEXT: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s/:@{}]+:[^\s/@{}]+@"  # a login in a URL
    r"|https?://[^\s\"'{}]*(?:webhook|hooks\.)[^\s\"'{}]*/[\w-]+"
    r"|\bxox[abprs]-\w{8,}|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b[Bb]earer [\w.~+/-]{16,}"
    r"|(?i:\w*(?:password|passwd|pwd|secret|token)=[\"']?[^\s\"';&{}$]{3,})"
    r"|(?i:--(?:password|passwd|secret|token)\s+[\"']?[^\s\"';&{}$-]{3,})"
)


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a flow, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from texts(item, (*path, str(at)))


def secret_problems(flow: Any) -> Iterator[Problem]:
    """Values that look like secrets, by their names or by what they are; none is quoted."""
    for path, text in texts(flow):
        name = next((part for part in reversed(path) if not part.isdecimal()), "")
        advice = "keep it as a secret in Kestra, and write \"{{ secret('NAME') }}\""
        if _SECRET_TEXT.search(text):
            yield path, f"{name} holds what looks like a secret: {advice}"
        elif _SECRET_NAME.search(name) and text.strip() and "{{" not in text:
            yield path, f"{name} looks like a secret and is written into the flow: {advice}"


def task_problems(tasks: Sequence[tuple[Path, dict[str, Any]]]) -> Iterator[Problem]:
    """What is wrong with the tasks' commands and namespace files."""
    for path, task in tasks:
        files = task.get("namespaceFiles")
        if isinstance(files, dict):
            yield from _namespace_files(files, (*path, "namespaceFiles"))
        if not {"commands", "beforeCommands", "script"} & set(task):
            continue
        commands = [
            (at, text)
            for name in ("beforeCommands", "commands", "script")
            for at, text in texts(task.get(name), (*path, name))
        ]
        included = _included(path, task, tasks)
        yield from _wheels(commands, included)
        yield from _runs(path, task, commands, included)


def _included(path: Path, task: dict[str, Any], tasks: Sequence[tuple[Path, dict[str, Any]]]) -> set[str]:  # fmt: skip
    """What the task's directory holds: its own files, or those of the WorkingDirectory around it."""
    around = [
        other
        for at, other in tasks
        if path[: len(at)] == at and (other is task or other.get("type") == _WORKING)
    ]
    found: set[str] = set()
    for other in around:
        files = other.get("namespaceFiles")
        if isinstance(files, dict) and files.get("enabled") in (True, None):
            found |= {str(item) for item in files.get("include") or () if isinstance(item, str)}
        given = other.get("inputFiles")
        if isinstance(given, dict):
            found |= {f"/{str(name).removeprefix('./').removeprefix('/')}" for name in given}
    return found


def _namespace_files(files: dict[str, Any], path: Path) -> Iterator[Problem]:
    if "enabled" not in files:
        yield path, "enabled is missing: write `enabled: true`"
    if files.get("enabled") is True and not files.get("include"):
        yield path, "include is missing: every file of the namespace would be fetched, 100 ms each; name those that are needed"  # fmt: skip
    for name in ("include", "exclude"):
        for at, item in enumerate(
            files.get(name) or () if isinstance(files.get(name), list) else ()
        ):
            if isinstance(item, str) and not item.startswith(("/", "{{")):
                anchored = item.removeprefix("./")
                yield (*path, name, str(at)), f"{item!r} matches in every folder: Kestra puts **/ before it; write '/{anchored}'"  # fmt: skip


def _wheels(commands: list[tuple[Path, str]], included: set[str]) -> Iterator[Problem]:
    for at, text in commands:
        for match in _WHEEL.finditer(text):
            file = f"/{match['path'].removeprefix('./').removeprefix('/')}"
            if not any(fnmatch.fnmatchcase(file, pattern) for pattern in included):
                yield (
                    at,
                    f"{match['path']} is not there: put `- {file}` into namespaceFiles.include",
                )
    used = "\n".join(text for _, text in commands)
    for file in sorted(included):
        named = file.lstrip("/") in used or "*.whl" in used or "*" in file
        if file.endswith(".whl") and commands and not named:
            yield commands[0][0][:-1], f"no command installs {file}: python3 -m pip install .{file}"


def _runs(
    path: Path, task: dict[str, Any], commands: list[tuple[Path, str]], included: set[str]
) -> Iterator[Problem]:
    runs = [(at, match) for at, text in commands for match in _RUN.finditer(text)]
    for at, text in commands:
        if _CONSOLE.search(text):
            yield at, "no command `etl` is on PATH there: write python3 -m etl"
    for at, match in runs:
        runner = task.get("taskRunner")
        process = isinstance(runner, dict) and runner.get("type") == _PROCESS
        if process and match["python"] == "python":
            yield at, "many workers have no `python`: write python3"
        yield from _job(at, match["rest"].split())
    if not runs:
        return
    at = runs[0][0]
    if "/config.yaml" not in included:
        yield at, "config.yaml is not there: put `- /config.yaml` into namespaceFiles.include"
    env = task.get("env")
    orchestrator = env.get("ETL_ORCHESTRATOR") if isinstance(env, dict) else None
    if orchestrator != "kestra":
        yield (
            (*path, "env"),
            "ETL_ORCHESTRATOR is missing: without `ETL_ORCHESTRATOR: kestra` the run tells Kestra nothing",
        )


def jobs_run(task: dict[str, Any]) -> list[str]:
    """The names of the jobs that a task's commands run, where they stand there."""
    commands = [text for name in ("commands", "script") for _, text in texts(task.get(name))]
    found = [_job_name(match["rest"].split()) for text in commands for match in _RUN.finditer(text)]
    return [name for name in found if name]


def _job_name(words: list[str]) -> str | None:
    """The job that is run: None if nothing is, "" if it is left out or known at run time only."""
    if "run" not in words:
        return None
    names = [word for word in words[words.index("run") + 1 :] if not word.startswith("-")]
    name = names[0].strip("'\"") if names else ""
    return "" if "{{" in name or "$" in name else name


def _job(at: Path, words: list[str]) -> Iterator[Problem]:
    from etl.jobs import check_job_name, job_names

    name = _job_name(words)
    if name is None and words and (words[0].startswith(".") or words[0] in job_names()):
        yield at, "no command runs there: write python3 -m etl run JOB"
    elif name == "" and words[-1] == "run":
        yield at, "`etl run` needs a job's name"
    elif name:
        try:
            check_job_name(name)
        except ConfigError as error:
            yield at, str(error)
