"""The reference in docs/reference.md, from signatures and docstrings in numpy's style."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MODULES", "markdown", "reference"]

MODULES = (
    "etl.io.db_helper", "etl.jobs", "etl.jobs.base", "etl.jobs.outputs", "etl.io.tables",
    "etl.io.monday.reader", "etl.runner", "etl.contracts.check", "etl.contracts.text",
    "etl.transforms.portable", "etl.config", "etl.errors",
)  # fmt: skip
"""What somebody who writes a job, a notebook or a script imports."""

_SECTIONS = ("Parameters", "Returns", "Yields", "Raises", "Notes", "Examples")
_HEADING = re.compile(rf"^({'|'.join(_SECTIONS)})\n-+\n", re.MULTILINE)
_WIDTH = 80
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def reference() -> str:
    """Every public name of the modules, in the order of their ``__all__``."""
    return "\n".join(part for name in MODULES for part in _module(name))


def _module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    yield f"## {name}\n"
    yield f"{_words(inspect.getdoc(module) or '').split(chr(10) * 2)[0]}\n"
    for public in module.__all__:
        thing = getattr(module, public, None)
        if inspect.isclass(thing):
            yield from _class(public, thing)
        elif inspect.isfunction(thing):
            yield from _entry("###", public, public, thing)


def _class(name: str, cls: type) -> Iterator[str]:
    yield f"### {name}\n"
    if not issubclass(cls, Exception):
        yield f"```py\n{name}{_signature(cls)}\n```\n"
    yield markdown(inspect.getdoc(cls) or "")
    for method, value in vars(cls).items():
        if method.startswith("_"):
            continue
        if isinstance(value, property):
            yield f"`{name}.{method}`: {_words(_first(value))}\n"
        elif isinstance(value, classmethod):
            yield from _entry("####", f"{name}.{method}", method, value.__func__)
        elif inspect.isfunction(value):
            yield from _entry("####", f"{name}.{method}", method, value)


def _entry(level: str, title: str, name: str, function: Any) -> Iterator[str]:
    yield f"{level} {title}\n"
    yield f"```py\n{name}{_signature(function)}\n```\n"
    yield markdown(inspect.getdoc(function) or "")


def _signature(thing: Any) -> str:
    signature = inspect.signature(thing)
    shown: list[str] = []
    star = False
    for name, parameter in signature.parameters.items():
        if name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            shown.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        shown.append(_parameter(name, parameter))
    gives = signature.return_annotation
    result = "" if gives in (signature.empty, None, "None") else f" -> {_annotation(gives)}"
    line = f"({', '.join(shown)}){result}"
    if len(line) < _WIDTH:
        return line
    return "(\n" + "".join(f"    {text},\n" for text in shown) + f"){result}"


def _parameter(name: str, parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    typed = "" if parameter.annotation is parameter.empty else f": {_annotation(parameter.annotation)}"  # fmt: skip
    if parameter.default is parameter.empty:
        return f"{stars}{name}{typed}"
    default = parameter.default
    # A default that is no plain value would show its address.
    text = getattr(default, "__name__", None) or repr(default)
    return f"{name}{typed} = {'...' if text.startswith('<') else text}"


def _annotation(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.strip("\"'")


def _first(value: Any) -> str:
    return (inspect.getdoc(value) or "").split("\n\n")[0]


def markdown(docstring: str) -> str:
    """A docstring as Markdown: sections with a bold title, parameters as a list, examples fenced.

    >>> print(markdown("Add.\\n\\nParameters\\n----------\\na\\n    A number, ``1``.\\n"))
    Add.
    <BLANKLINE>
    **Parameters**
    <BLANKLINE>
    - `a`: A number, `1`.
    <BLANKLINE>
    """
    head, *rest = _HEADING.split(docstring)
    made = [_prose(head)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        made.append(f"**{title}**\n")
        made.append(_prose(body) if title in ("Notes", "Examples") else _items(body))
    return "\n".join(part for part in made if part)


def _items(body: str) -> str:
    """Names at the margin with indented descriptions, as a list."""
    made: list[str] = []
    for line in body.splitlines():
        if line.startswith(" ") and made:
            made[-1] += f" {line.strip()}"
        elif line.strip():
            made.append(f"- `{line.strip()}`:")
    return "\n".join(_words(item) for item in made) + "\n"


def _prose(text: str) -> str:
    """Paragraphs; doctests, tables and literal blocks are fenced."""
    made: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if not paragraph.strip():
            continue
        if paragraph.lstrip().startswith(">>>"):
            made.append(f"```pycon\n{textwrap.dedent(paragraph)}\n```\n")
        elif paragraph.startswith(("    ", "====")):
            made.append(f"```txt\n{textwrap.dedent(paragraph)}\n```\n")
        else:
            made.append(f"{re.sub(r'::$', ':', _words(paragraph))}\n")
    return "\n".join(made)


def _words(text: str) -> str:
    return _ROLE.sub(r"`\1`", text).replace("``", "`")
