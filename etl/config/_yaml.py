"""YAML text to plain values, with the line of every key, and duplicate keys as mistakes.

``yaml.safe_load`` keeps the last of two equal keys in silence and forgets line numbers; here the
node tree is walked instead. Keys are kept as they are written, so that a database called ``on``
does not turn into ``True``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from etl.errors import ConfigError

__all__ = ["Document", "KeyPath", "parse_yaml"]

KeyPath = tuple[str, ...]


@dataclass
class Document:
    """A YAML file's value, the line of each key path and list item, and what is wrong with its keys."""

    value: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[tuple[KeyPath, str]] = field(default_factory=list)


def parse_yaml(text: str, source: str) -> Document:
    """Parse one YAML document.

    Parameters
    ----------
    text
        The file's content.
    source
        The file's name, for messages.

    Raises
    ------
    ConfigError
        The text is no YAML: one line that says where, without quoting the file (the offending
        text may be a password).

    Examples
    --------
    >>> document = parse_yaml("a:\\n  b: 1\\n  b: 2\\n", "config.yaml")
    >>> document.value, document.lines[("a", "b")]
    ({'a': {'b': 2}}, 3)
    >>> document.problems
    [(('a', 'b'), 'given twice, first on line 2')]
    """
    document = Document()
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is not None:
            document.value = _Walk(loader, document).value(root, ())
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _not_yaml(f"{source}{line}", error.problem or "unreadable") from None
    except yaml.YAMLError:
        raise _not_yaml(source, "it holds characters that YAML does not allow") from None
    except RecursionError:
        raise _not_yaml(source, "it is nested too deeply, or an alias holds itself") from None
    return document


def _not_yaml(where: str, problem: str) -> ConfigError:
    # What stands between quotes may be the beginning of a secret (`password: *xyz` is an alias
    # to YAML); single characters and token names such as '<block end>' are not.
    shown = re.sub(r"""(['"])(?!<)[^'"]{2,}\1""", "(text)", problem)
    return ConfigError.of(
        [f"{where}: not valid YAML: {shown}; text with special characters needs quotes"]
    )


class _Walk:
    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self.loader = loader
        self.document = document

    def value(self, node: yaml.Node, path: KeyPath) -> object:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for at, item in enumerate(node.value):
                self.document.lines[(*path, str(at))] = item.start_mark.line + 1
                items.append(self.value(item, (*path, str(at))))
            return items
        return self.loader.construct_object(node, deep=True)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.document.problems.append((path, "a key must be plain text"))
                continue
            line = key_node.start_mark.line + 1
            key = str(key_node.value)
            if key in seen:
                problem = f"given twice, first on line {seen[key]}"
                self.document.problems.append(((*path, key), problem))
            seen.setdefault(key, line)
        self.loader.flatten_mapping(node)  # merge keys: `<<: *defaults`
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                key = str(key_node.value)
                self.document.lines[(*path, key)] = key_node.start_mark.line + 1
                result[key] = self.value(value_node, (*path, key))
        return result
