"""A file of rules: found, parsed, checked by a model, with every mistake and its line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from etl.config.files import parse_yaml, shown_path, suggestion, worded
from etl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config import Config
    from etl.config.files import Document, KeyPath

__all__ = ["Rules", "RulesEntry", "checked", "find_rules", "read_rules"]

_PACKAGE: Final = Path(__file__).parents[2]
_BUILT_IN: Final = (_PACKAGE / "built_in_config", _PACKAGE.parent / "config")
"""Where a wheel has the files, and where the repository that it is built from has them."""

ModelT = TypeVar("ModelT", bound=BaseModel)
ResultT = TypeVar("ResultT")


class RulesEntry(BaseModel):
    """What every mapping in a file of rules is: no other keys, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


@dataclass
class Rules:
    """A parsed file, and the mistakes found in it so far."""

    document: Document
    source: str
    problems: list[tuple[int, str]]

    def add(self, path: KeyPath, message: str) -> None:
        """Note a mistake at a path of keys."""
        line = self.line(path)
        where = f"{self.source}:{line}" if line else self.source
        name = ".".join(path)
        self.problems.append((line, f"{f'{name}: ' if name else ''}{message} ({where})"))

    def line(self, path: KeyPath) -> int:
        """The line of a path of keys, or of the nearest above it; 0 if there is none."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.document.lines:
                return self.document.lines[path[:end]]
        return 0

    def stop_if_wrong(self) -> None:
        """Raise every mistake, in the file's order."""
        if self.problems:
            ordered = sorted(self.problems, key=lambda problem: problem[0])
            raise ConfigError.of(list(dict.fromkeys(text for _, text in ordered)))


def find_rules(config: Config, name: str) -> Path:
    """Find a file of rules: beside config.yaml, else as the package has it.

    Raises
    ------
    ConfigError
        It is in neither place.
    """
    beside = config.path.parent / "config"
    for folder in (beside, *_BUILT_IN):
        if (folder / name).is_file():
            return folder / name
    there = sorted(file.stem for file in (beside / name).parent.glob("*.yaml"))
    hint = suggestion(Path(name).stem, there) if there else "write it, or copy the one of etl"
    raise ConfigError(f"no file {shown_path(beside / name)}; {hint}")


def read_rules(file: Path, build: Callable[[Rules], ResultT]) -> ResultT:
    """Read a file of rules, and make of it what it says.

    Raises
    ------
    ConfigError
        The file can't be read, or ``build`` found mistakes in it.
    """
    source = shown_path(file)
    try:
        document = parse_yaml(file.read_text(encoding="utf-8-sig"), source)
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8 text: save it as UTF-8") from None
    rules = Rules(document, source, [])
    for path, message in document.problems:
        rules.add(path, message)
    result = build(rules)
    rules.stop_if_wrong()
    return result


def checked(rules: Rules, model: type[ModelT]) -> ModelT:
    """Check a file by the model of its top level.

    Raises
    ------
    ConfigError
        With every mistake that the model sees, and those noted before.
    """
    value = rules.document.value
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        unknown = {detail["loc"] for detail in details if detail["type"] == "extra_forbidden"}
        # A misspelt key is one mistake: what it should have been is not missing as well.
        meant = {
            (*loc[:-1], word)
            for loc in unknown
            for word in get_close_matches(str(loc[-1]), _keys(model, loc[:-1]), n=1)
        }
        for detail in details:
            if detail["type"] != "missing" or detail["loc"] not in meant:
                rules.add(tuple(map(str, detail["loc"])), _message(detail, model))
        rules.stop_if_wrong()
        raise


def _message(detail: Any, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        known = _keys(model, detail["loc"][:-1])
        return f"unknown key; {suggestion(str(detail['loc'][-1]), known)}"
    if detail["type"] == "literal_error":
        expected = str(detail["ctx"]["expected"])
        return f"must be one of {expected.replace(' or ', ', ').replace(chr(39), '')}"
    return worded(detail)


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys of the model at a place below another one."""
    for part in loc:
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        inner = None if field is None else _inner(field.annotation)
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model that a list or a mapping in an annotation holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _inner(part)
        if found is not None:
            return found
    return None
