"""Strict rules for flows, those rendered and those that people write: every mistake, with its line.

A server tells mistakes too, but only some, and not before a deployment; what breaks with the next
major version it does not tell at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.config._yaml import Document, parse_yaml
from etl.errors import ConfigError
from etl.kestra._agreement import agreement_problems
from etl.kestra._structure import Structure
from etl.kestra._tasks import secret_problems, task_problems, texts
from etl.kestra._templates import template_problems
from etl.kestra.files import flow_files, read_flow
from etl.kestra.render import check_target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from etl.config import Config

__all__ = ["Finding", "check_flow", "check_flows", "find_flows", "read_schema"]

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """A mistake in a flow."""

    source: str
    line: int
    message: str
    path: KeyPath = ()

    def __str__(self) -> str:
        where = f" ({'.'.join(self.path)})" if self.path else ""
        return f"{self.source}:{self.line}: {self.message}{where}"


def check_flow(
    text: str,
    source: str,
    *,
    target: str = "both",
    config: Config | None = None,
    schema: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Check a flow.

    Parameters
    ----------
    text
        The flow as YAML.
    source
        What messages call it.
    target
        The major version of Kestra that has to take it: ``"1"``, ``"2"`` or ``"both"``.
    config
        The configuration that runs get, where there is one: its ``plugin_types`` are known types,
        of which only the common properties are checked, and a task that runs a job has to have
        the profile and the variables that the job needs there.
    schema
        The server's JSON schema of flows; what it has is a known type.

    Returns
    -------
    list
        Every mistake, by line. No value that may be a secret is quoted.

    Examples
    --------
    >>> for finding in check_flow("id: a\\nnamespace: Company\\ntasks: []\\n", "a.yaml"):
    ...     print(finding)
    a.yaml:2: namespace: 'Company' is no namespace: lowercase letters, digits, and . _ - between them (namespace)
    a.yaml:3: tasks is empty (tasks)
    """
    check_target(target)
    try:
        document = parse_yaml(text, source)
    except ConfigError as error:
        return [_unreadable(str(error), source)]
    flow = document.value
    if not isinstance(flow, dict):
        return [Finding(source, 1, "a flow is a mapping: id, namespace, tasks")]
    found = [(path, _yaml_problem(said)) for path, said in document.problems]
    more = {*(config.plugin_types if config else ()), *_types_of(schema)}
    structure = Structure(lambda at, said: found.append((at, said)), target=target, more_types=more)
    structure.flow(flow)
    found += secret_problems(flow)
    found += task_problems(structure.tasks)
    found += agreement_problems(structure.tasks, config) if config else ()
    found += _templates(flow, structure.ids["task"], target)
    found += _by_schema(flow, schema) if schema else []
    findings = [Finding(source, _line(document, path), said, path) for path, said in found]
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.line)


def check_flows(
    flows: Mapping[str, str],
    *,
    target: str = "both",
    config: Config | None = None,
    schema: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Check flows by their sources' names, each by itself and that no two are the same flow."""
    found: list[Finding] = []
    seen: dict[tuple[str, str], str] = {}
    for source, text in flows.items():
        found += check_flow(text, source, target=target, config=config, schema=schema)
        name = _name(text, source)
        if name in seen:
            said = (
                f"the flow {name[0]}.{name[1]} is in {seen[name]} too: a later one would replace it"
            )
            found.append(Finding(source, 1, said, ("id",)))
        elif name is not None:
            seen[name] = source
    return found


def find_flows(paths: Iterable[Path]) -> dict[str, str]:
    """Read files, and the YAML files in folders: name and text.

    Raises
    ------
    ConfigError
        There is no such file or folder, or no flow in it.
    """
    found: dict[str, str] = {}
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: there is no such file or folder; `etl flows render` writes flows")  # fmt: skip
        files = flow_files(path) if path.is_dir() else (path,)
        if not files:
            raise ConfigError(f"{path}: no flow (*.yaml) is in it; `etl flows render` writes them")
        found |= {str(file): read_flow(file) for file in files}
    return found


def read_schema(text: str, source: str) -> dict[str, Any]:
    """Read a server's JSON schema of flows.

    Raises
    ------
    ConfigError
        It is none, or the package ``jsonschema`` is not installed.
    """
    try:
        import jsonschema
    except ImportError:
        raise ConfigError("--schema needs the package jsonschema: uv sync --extra kestra") from None
    try:
        schema = json.loads(text)
        if not isinstance(schema, dict):
            raise ConfigError(f"{source}: no JSON schema")
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (ValueError, jsonschema.SchemaError):
        raise ConfigError(f"{source}: no JSON schema") from None
    return schema


def _unreadable(message: str, source: str) -> Finding:
    line, _, said = message.removeprefix(source).removeprefix(", line ").partition(": ")
    return Finding(source, int(line) if line.isdecimal() else 1, said)


def _yaml_problem(said: str) -> str:
    # `name: {{ x }}` without quotes is a mapping to YAML, with a mapping as its key.
    return f'{said}; a template stands in quotes: "{{{{ ... }}}}"' if "plain text" in said else said


def _line(document: Document, path: KeyPath) -> int:
    for cut in range(len(path), 0, -1):
        if path[:cut] in document.lines:
            return document.lines[path[:cut]]
    return 1


def _name(text: str, source: str) -> tuple[str, str] | None:
    try:
        flow = parse_yaml(text, source).value
    except ConfigError:
        return None
    if not isinstance(flow, dict) or not {"namespace", "id"} <= set(flow):
        return None
    return str(flow["namespace"]), str(flow["id"])


def _templates(
    flow: dict[str, Any], tasks: Collection[str], target: str
) -> Iterator[tuple[KeyPath, str]]:
    inputs = flow.get("inputs")
    variables = flow.get("variables")
    names = {
        "outputs": tasks,
        "inputs": [str(item.get("id")) for item in inputs if isinstance(item, dict)]
        if isinstance(inputs, list)
        else (),
        "vars": list(variables) if isinstance(variables, dict) else (),
    }
    for path, text in texts(flow):
        for problem in template_problems(text, names=names, target=target):
            yield path, problem


def _types_of(schema: Any) -> Iterator[str]:
    """Every type that a schema knows: the constants of the properties called ``type``."""
    if isinstance(schema, dict):
        kind = schema.get("type")
        if isinstance(kind, dict):
            yield from (
                str(value) for value in (kind.get("const"), *(kind.get("enum") or ())) if value
            )
        for value in schema.values():
            yield from _types_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _types_of(value)


def _by_schema(flow: dict[str, Any], schema: Mapping[str, Any]) -> list[tuple[KeyPath, str]]:
    import jsonschema

    validator = jsonschema.validators.validator_for(schema)(schema)
    found = []
    for error in validator.iter_errors(flow):
        best = jsonschema.exceptions.best_match([error]) or error
        path = tuple(str(part) for part in best.absolute_path)
        # The validator's own sentence quotes the value, which may be a secret.
        found.append((path, f"the server's schema refuses it: {best.validator} ({_told(best)})"))
    return found


def _told(error: Any) -> str:
    if error.validator == "required":
        return str(error.message)
    if error.validator == "additionalProperties":
        return "a property that is not known there"
    return str(error.validator_value)[:200]
