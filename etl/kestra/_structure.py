"""A flow's shape: types, properties and values, by the data in :mod:`etl.kestra._catalogue`."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final

from etl.config.cron import cron_problem
from etl.config.flow_values import (
    duration_problem,
    duration_seconds,
    flow_id_problem,
    label_key_problem,
    namespace_problem,
    time_zone_problem,
)
from etl.kestra import _catalogue as known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from etl.kestra._catalogue import Kind

__all__ = ["Structure", "suggest"]

Path = tuple[str, ...]
_VERSIONS: Final = {"1": "1.x", "2": "2.x"}
_MOST_CHARACTERS: Final = 256


def suggest(word: str, words: Collection[str]) -> str:
    """A hint at the word that was meant, else at all there are.

    >>> suggest("comands", ["commands", "env"]), suggest("x", ["commands", "env"])
    ("did you mean 'commands'?", 'known are commands, env')
    """
    lowered = {item.lower(): item for item in words}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.7)
    return f"did you mean {lowered[close[0]]!r}?" if close else f"known are {', '.join(words)}"


class Structure:
    """Walks through a flow and tells each mistake to ``add``: a path and a sentence."""

    def __init__(
        self, add: Callable[[Path, str], None], *, target: str, more_types: Collection[str] = ()
    ) -> None:
        self.add = add
        self.target = target
        self.more_types = more_types
        self.tasks: list[tuple[Path, dict[str, Any]]] = []
        """Every task that was met, wherever it stands."""
        self.ids: dict[str, set[str]] = {"task": set(), "trigger": set()}

    def flow(self, flow: Mapping[str, Any]) -> None:
        """Check a whole flow."""
        self._mapping(flow, (), "flow", known.FLOW, known.REQUIRED["flow"])

    # Mappings and their properties

    def _mapping(
        self,
        value: Mapping[str, Any],
        path: Path,
        where: str,
        properties: Mapping[str, Kind],
        required: Collection[str],
    ) -> None:
        for name, item in value.items():
            at = (*path, name)
            if (where, name) in known.REMOVED and name not in properties:
                self.add(at, f"{name}: {known.REMOVED[where, name]}")
            elif (where, name) in known.ONLY:
                self._only(at, name, *known.ONLY[where, name])
            elif name not in properties:
                self.add(at, f"unknown property {name!r}; {suggest(name, list(properties))}")
            elif (where, name) in known.REMOVED:
                self.add(at, f"{name}: {known.REMOVED[where, name]}")
            elif item is None:
                self.add(at, f"{name} is empty: give it a value, or leave the line out")
            else:
                self._value(item, at, properties[name])
        for name in required:
            if name not in value:
                self.add(path, f"{name} is missing{_because(name)}")

    def _only(self, at: Path, what: str, version: str, instead: str) -> None:
        if not version:
            self.add(at, f"{what} is in neither 1.x nor 2.x: {instead}")
        elif self.target != version:
            other = _VERSIONS["2" if version == "1" else "1"]
            self.add(at, f"{what} is in {_VERSIONS[version]} only, and not in {other}: {instead}")

    def _value(self, value: Any, path: Path, kind: Kind) -> None:
        if isinstance(kind, tuple):
            if not (isinstance(value, str) and (value in kind or "{{" in value)):
                self.add(path, f"{path[-1]} is {_shown(value)}; {suggest(str(value), kind)}")
            return
        check = getattr(self, f"_{kind.replace('-', '_')}")
        check(value, path)

    # Values

    def _any(self, value: Any, path: Path) -> None:
        """Nothing is known about it."""

    def _text(self, value: Any, path: Path) -> None:
        if isinstance(value, dict | list):
            self.add(path, f"{path[-1]} must be a text, and is {_sort(value)}")
        elif isinstance(value, str) and not value.strip():
            self.add(path, f"{path[-1]} is empty")

    def _texts(self, value: Any, path: Path) -> None:
        if isinstance(value, str) and value.strip().startswith("{{"):
            return
        if not isinstance(value, list):
            self.add(path, f"{path[-1]} must be a list (`- ...` lines), and is {_sort(value)}")
            return
        if not value:
            self.add(path, f"{path[-1]} is empty")
        for at, item in enumerate(value):
            if isinstance(item, dict | list) or item is None:
                self.add(
                    (*path, str(at)),
                    f"{path[-1]}: a text is expected, and this is {_sort(item)}: "
                    "put it in quotes where it holds `: `",
                )

    def _map(self, value: Any, path: Path) -> None:
        if not isinstance(value, dict) and not _template(value):
            self.add(path, f"{path[-1]} must be a mapping (`name: value` lines), and is {_sort(value)}")  # fmt: skip

    def _env(self, value: Any, path: Path) -> None:
        self._map(value, path)
        for name, item in value.items() if isinstance(value, dict) else ():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                self.add((*path, name), f"{name!r} is no name of an environment variable")
            if isinstance(item, dict | list) or item is None:
                self.add((*path, name), f"env {name} must be a text, and is {_sort(item)}")

    def _bool(self, value: Any, path: Path) -> None:
        if not isinstance(value, bool) and not _template(value):
            self.add(path, f"{path[-1]} must be true or false, and is {_shown(value)}")

    def _int(self, value: Any, path: Path) -> None:
        if (isinstance(value, bool) or not isinstance(value, int)) and not _template(value):
            self.add(path, f"{path[-1]} must be a whole number, and is {_shown(value)}")
        elif isinstance(value, int) and value < (0 if path[-1] == "concurrencyLimit" else 1):
            self.add(path, f"{path[-1]} must be 1 or more, and is {value}")

    def _number(self, value: Any, path: Path) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(path, f"{path[-1]} must be a number, and is {_shown(value)}")

    def _ruled(self, value: Any, path: Path, rule: Callable[[str], str | None]) -> None:
        if not isinstance(value, str):
            self.add(path, f"{path[-1]} must be a text, and is {_sort(value)}")
        elif problem := rule(value):
            self.add(path, f"{path[-1]}: {problem}")

    def _duration(self, value: Any, path: Path) -> None:
        if not _template(value):
            self._ruled(value, path, duration_problem)

    def _time_zone(self, value: Any, path: Path) -> None:
        self._ruled(value, path, time_zone_problem)

    def _namespace(self, value: Any, path: Path) -> None:
        if not _template(value):
            self._ruled(value, path, namespace_problem)

    def _flow_id(self, value: Any, path: Path) -> None:
        self._ruled(value, path, flow_id_problem)

    def _id(self, value: Any, path: Path) -> None:
        self._ruled(value, path, _id_problem)

    def _cron(self, value: Any, path: Path) -> None:
        """Checked with the trigger: it depends on ``withSeconds``."""

    def _labels(self, value: Any, path: Path) -> None:
        if isinstance(value, list):
            given = [
                item for item in value if isinstance(item, dict) and {"key", "value"} == set(item)
            ]
            if len(given) < len(value):
                self.add(path, "labels are lines of `key: value`")
                return
            value = {str(item["key"]): item["value"] for item in given}
        if not isinstance(value, dict):
            self._map(value, path)
            return
        for key, item in value.items():
            if problem := label_key_problem(key):
                self.add((*path, key), problem)
            if isinstance(item, dict | list) or item in (None, ""):
                self.add((*path, key), f"label {key!r} must be a text, and is {_sort(item)}")

    # Parts

    def _each(self, value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
        if not isinstance(value, list):
            self.add(path, f"{path[-1]} must be a list (`- id: ...` lines), and is {_sort(value)}")  # fmt: skip
            return
        if not value:
            self.add(path, f"{path[-1]} is empty")
        for at, item in enumerate(value):
            if isinstance(item, dict):
                yield (*path, str(at)), item
            else:
                self.add((*path, str(at)), f"{path[-1]}: a mapping is expected, and this is {_sort(item)}")  # fmt: skip

    def _part(self, value: Any, path: Path, part: str) -> None:
        if not isinstance(value, dict):
            self._map(value, path)
            return
        properties, required = known.PARTS[part]
        self._mapping(value, path, part, properties, required)

    def _concurrency(self, value: Any, path: Path) -> None:
        self._part(value, path, "concurrency")

    def _slas(self, value: Any, path: Path) -> None:
        for at, item in self._each(value, path):
            self._part(item, at, "sla")
            needed = {"MAX_DURATION": "duration", "EXECUTION_ASSERTION": "assert"}
            name = needed.get(str(item.get("type")))
            if name and name not in item:
                self.add(at, f"{name} is missing: {item['type']} needs it")

    def _checks(self, value: Any, path: Path) -> None:
        for at, item in self._each(value, path):
            self._part(item, at, "check")

    def _retry(self, value: Any, path: Path) -> None:
        if not isinstance(value, dict):
            self._map(value, path)
            return
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in known.RETRIES:
            problem = f"retry is of type {_shown(kind)}" if "type" in value else "type is missing"
            self.add((*path, "type"), f"{problem}; {suggest(str(kind), list(known.RETRIES))}")
            value = {name: item for name, item in value.items() if name != "type"}
            kind = "exponential"
        self._mapping(value, path, "retry", *known.RETRIES[kind])
        low, high = value.get("interval", value.get("minInterval")), value.get("maxInterval")
        both = [duration_seconds(end) for end in (low, high) if isinstance(end, str)]
        if len(both) == 2 and None not in both and both[0] >= both[1]:  # type: ignore[operator]
            self.add((*path, "maxInterval"), f"maxInterval {high} must be longer than {low}")

    def _runner(self, value: Any, path: Path) -> None:
        if not isinstance(value, dict):
            self._map(value, path)
            return
        self._typed(value, path, "task", {}, known.RUNNERS)

    def _namespace_files(self, value: Any, path: Path) -> None:
        if isinstance(value, dict):
            self._mapping(value, path, "namespaceFiles", known.NAMESPACE_FILES, ())
        else:
            self._map(value, path)

    def _inputs(self, value: Any, path: Path) -> None:
        seen: set[str] = set()
        types = known.INPUT_TYPES.split()
        gone = {"BOOLEAN": "BOOL", "ENUM": "SELECT"}
        for at, item in self._each(value, path):
            self._mapping(item, at, "input", known.INPUT, known.REQUIRED["input"])
            kind = item.get("type")
            self._unique(item.get("id"), at, "input", seen)
            if isinstance(kind, str) and kind in gone:
                self.add(
                    (*at, "type"), f"inputs of type {kind} are gone in 2.x: write {gone[kind]}"
                )
            elif "type" in item and kind not in types:
                self.add((*at, "type"), f"there is no input of type {_shown(kind)}; {suggest(str(kind), types)}")  # fmt: skip
            if item.get("required") is False and "defaults" in item:
                self.add((*at, "required"), "2.x refuses `required: false` together with defaults: leave `required` out")  # fmt: skip
            if kind in ("SELECT", "MULTISELECT") and not {"values", "expression"} & set(item):
                self.add(at, f"values is missing: a {kind} needs it")
            if kind == "ARRAY" and "itemType" not in item:
                self.add(at, "itemType is missing: an ARRAY needs it")

    def _outputs(self, value: Any, path: Path) -> None:
        seen: set[str] = set()
        for at, item in self._each(value, path):
            self._mapping(item, at, "output", known.OUTPUT, known.REQUIRED["output"])
            self._unique(item.get("id"), at, "output", seen)

    def _unique(self, name: Any, path: Path, what: str, seen: set[str]) -> None:
        if isinstance(name, str):
            if name in seen:
                self.add((*path, "id"), f"there is another {what} with the id {name!r}: ids are unique in a flow")  # fmt: skip
            seen.add(name)

    # Tasks and triggers

    def _tasks(self, value: Any, path: Path) -> None:
        for at, task in self._each(value, path):
            self._task(task, at)

    def _task(self, task: dict[str, Any], path: Path) -> None:
        self.tasks.append((path, task))
        self._unique(task.get("id"), path, "task", self.ids["task"])
        self._typed(task, path, "task", known.TASK, known.TASKS)

    def _dag(self, value: Any, path: Path) -> None:
        for at, item in self._each(value, path):
            self._mapping(item, at, "dag", {"task": "any", "dependsOn": "texts"}, ("task",))
            if isinstance(item.get("task"), dict):
                self._task(item["task"], (*at, "task"))

    def _cases(self, value: Any, path: Path) -> None:
        self._map(value, path)
        for name, tasks in value.items() if isinstance(value, dict) else ():
            self._tasks(tasks, (*path, name))

    def _triggers(self, value: Any, path: Path) -> None:
        for at, trigger in self._each(value, path):
            self._unique(trigger.get("id"), at, "trigger", self.ids["trigger"])
            self._typed(trigger, at, "trigger", known.TRIGGER, known.TRIGGERS)
            cron = trigger.get("cron")
            if isinstance(cron, str):
                if problem := cron_problem(cron, seconds=trigger.get("withSeconds") is True):
                    self.add((*at, "cron"), f"cron {cron!r}: {problem}")
            elif "cron" in trigger:
                self.add((*at, "cron"), f"cron must be a text in quotes, and is {_sort(cron)}")

    def _typed(
        self,
        value: dict[str, Any],
        path: Path,
        where: str,
        common: Mapping[str, Kind],
        types: Mapping[str, Mapping[str, Kind]],
    ) -> None:
        kind = value.get("type")
        required = known.REQUIRED[where] if common else ("type",)
        if not isinstance(kind, str) or kind not in types:
            if "type" in value and not self._accepted(kind, path, list(types)):
                required = ()
            shared = {name: item for name, item in value.items() if name in common}
            self._mapping(shared, path, where, common, required)
            return
        if kind in known.MOVED:
            self._only((*path, "type"), kind, *known.MOVED[kind])
        properties = {"type": "text", **common, **types[kind]}
        self._mapping(value, path, where, properties, (*required, *known.REQUIRED.get(kind, ())))

    def _accepted(self, kind: Any, path: Path, types: list[str]) -> bool:
        """Whether a type may be one that only the server knows; a mistake is told."""
        if isinstance(kind, str) and kind in self.more_types:
            return True
        at = (*path, "type")
        if not isinstance(kind, str):  # a list or a mapping is no key of a mapping either
            self.add(at, f"unknown type {_shown(kind)}; {_meant(str(kind), types)}")
        elif kind in known.MOVED:
            self._only(at, kind, *known.MOVED[kind])
        elif "slack" in kind.lower():
            self.add(at, f"{kind}: the type's path differs between versions: post with io.kestra.plugin.core.http.Request")  # fmt: skip
        elif belongs := _belongs(kind, types):
            self.add(at, f"{kind} is {belongs}")
        else:
            self.add(at, f"unknown type {_shown(kind)}; {_meant(kind, types)}")
        return False


def _belongs(kind: str, types: list[str]) -> str:
    """Where a known type belongs that stands in another place."""
    if kind in types:
        return ""
    if kind in known.TRIGGERS:
        return "a trigger: put it under `triggers:` of the flow"
    if kind in known.TASKS:
        return "a task: put it under `tasks:`"
    return "a task runner: put it under `taskRunner:` of a task" if kind in known.RUNNERS else ""


def _meant(kind: str, types: list[str]) -> str:
    last = kind.rpartition(".")[2].lower()
    same = [known_type for known_type in types if known_type.rpartition(".")[2].lower() == last]
    close = same or difflib.get_close_matches(kind, types, n=1, cutoff=0.8)
    if close:
        return f"did you mean {close[0]!r}?"
    return "name it in `kestra.plugin_types` of config.yaml if the server has it, or give --schema"


def _because(name: str) -> str:
    if name == "timezone":
        return ": without it the schedule is in the server's zone; write `timezone: Etc/UTC`"
    return ""


def _id_problem(text: str) -> str | None:
    if re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]*", text) and len(text) <= _MOST_CHARACTERS:
        return None
    return f"{text!r} is no id: up to {_MOST_CHARACTERS} letters, digits, _ and -, a letter or digit first, no dots"  # fmt: skip


def _template(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def _sort(value: Any) -> str:
    names = {
        dict: "a mapping",
        list: "a list",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "a text" if isinstance(value, str) else "nothing")


def _shown(value: Any) -> str:
    # The value may be a secret in the wrong place: words are shown, and nothing long.
    return repr(value) if not isinstance(value, dict | list) and len(str(value)) <= 80 else _sort(value)  # fmt: skip
