"""SQL text: whether it is SQL at all, and its parameters.

Parameters are always bound by the driver, never pasted in. One way to write them works on every
engine: ``:name`` with a mapping, ``?`` with a sequence. A list as a value becomes ``(?, ?, ...)``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from etl.errors import ContractError
from etl.io.names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Params", "bind", "is_query", "read_sql_file", "without_params"]

Params = Mapping[str, Any] | Sequence[Any] | None
ParamStyle = Literal["qmark", "format"]

_QUERY = re.compile(
    r"^(?:\s|--[^\n]*\n|/\*.*?\*/)*\(*\s*(?:select|with|exec|execute|values)\b",
    re.IGNORECASE | re.DOTALL,
)

# What can hold a colon, a question mark or a per cent sign without meaning a parameter.
_TOKENS = re.compile(
    r"""
    (?P<skip> '(?:[^']|'')*'            # a string
            | "(?:[^"]|"")*"            # an identifier, as the standard quotes it
            | \[(?:[^\]]|\]\])*\]       # an identifier, as SQL Server quotes it
            | `(?:[^`]|``)*`
            | --[^\n]* | /\*.*?\*/      # comments
            | \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$   # PostgreSQL's dollar quotes
            | ::                        # PostgreSQL's cast
    )
    | (?<![\w:]):(?P<name>[A-Za-z_]\w*)
    | (?P<mark>\?)
    | (?P<percent>%)
    """,
    re.VERBOSE | re.DOTALL,
)


def is_query(text: str) -> bool:
    """Whether the text is SQL that gives rows; a table's name otherwise.

    >>> is_query("  -- open orders\\nselect 1"), is_query("dbo.selections")
    (True, False)
    """
    return _QUERY.match(text) is not None


def read_sql_file(path: str | Path) -> str:
    """The text of a ``.sql`` file (UTF-8, with or without a byte order mark).

    Raises
    ------
    ContractError
        There is no such file.
    """
    file = Path(path)
    try:
        return file.read_text(encoding="utf-8-sig").strip().rstrip(";")
    except FileNotFoundError:
        raise ContractError(f"no SQL file {str(file)!r} (looked in {Path.cwd()})") from None


def _scan(sql: str, replace: Callable[[re.Match[str]], str | None], *, brackets: bool) -> str:
    """Replace each parameter; what stands in strings, identifiers and comments stays."""

    def each(match: re.Match[str]) -> str:
        if match["skip"] is not None and (brackets or not match["skip"].startswith("[")):
            return replace(match) or match[0]
        if match["skip"] is not None:  # an array subscript of PostgreSQL or DuckDB, not a name
            inner = _scan(match["skip"][1:], replace, brackets=brackets)
            return "[" + inner
        new = replace(match)
        return match[0] if new is None else new

    return _TOKENS.sub(each, sql)


def bind(
    sql: str, params: Params, style: ParamStyle, *, brackets: bool
) -> tuple[str, tuple[Any, ...] | None]:
    """The statement and its values as the driver takes them.

    Parameters
    ----------
    sql
        Text with ``:name`` (a mapping is given) or ``?`` (a sequence is given).
    params
        The values; None leaves the text alone.
    style
        The driver's own: ``qmark`` (``?``) or ``format`` (``%s``).
    brackets
        Whether ``[x]`` is an identifier (SQL Server, SQLite) or a subscript.

    Returns
    -------
    tuple
        The statement, and the values in the order they stand in it (None: nothing to bind).

    Raises
    ------
    ContractError
        A parameter without a value, a value without a parameter, or text for a sequence.

    Examples
    --------
    >>> bind("select ':a', x from t where x > :a and y in :b", {"a": 1, "b": [2, 3]}, "qmark",
    ...      brackets=True)
    ("select ':a', x from t where x > ? and y in (?, ?)", (1, 2, 3))
    >>> bind("select 5 % 2 where 1 = ?", [1], "format", brackets=True)
    ('select 5 %% 2 where 1 = %s', (1,))
    """
    if params is None:
        return sql, None
    if isinstance(params, (str, bytes)):
        raise ContractError(f"params is text; a sequence of one value is written [{params!r}]")
    binding = _ByName(params, style) if isinstance(params, Mapping) else _ByPosition(params, style)
    text = _scan(sql, binding.replace, brackets=brackets)
    binding.check_all_used()
    return text, tuple(binding.values)


class _Binding(ABC):
    """The values in the order their parameters stand in the text."""

    def __init__(self, style: ParamStyle) -> None:
        self.values: list[Any] = []
        self._style = style
        self._holder = "?" if style == "qmark" else "%s"

    def replace(self, match: re.Match[str]) -> str | None:
        """The driver's holder for a parameter; None for what is none."""
        if match["skip"] is not None or match["percent"] is not None:
            return match[0].replace("%", "%%") if self._style == "format" else None
        return self._parameter(match)

    @abstractmethod
    def _parameter(self, match: re.Match[str]) -> str | None:
        """The holder for a parameter that stands here, if one does."""

    def _place(self, value: Any) -> str:
        if isinstance(value, (list, tuple, set, frozenset)):
            # In the given order where there is one; an empty list matches nothing.
            items = [_plain(item) for item in value] or [None]
            self.values.extend(items)
            return "(" + ", ".join([self._holder] * len(items)) + ")"
        self.values.append(_plain(value))
        return self._holder


class _ByName(_Binding):
    def __init__(self, params: Mapping[str, Any], style: ParamStyle) -> None:
        super().__init__(style)
        self._params = params
        self._used: set[str] = set()

    def _parameter(self, match: re.Match[str]) -> str | None:
        name = match["name"]
        if name is None:
            return None
        if name not in self._params:
            raise ContractError(
                f"parameter :{name} has no value" + did_you_mean(name, map(str, self._params))
            )
        self._used.add(name)
        return self._place(self._params[name])

    def check_all_used(self) -> None:
        unused = [f":{name}" for name in self._params if name not in self._used]
        if unused:
            raise ContractError(f"the statement has no parameter {', '.join(unused)}")


class _ByPosition(_Binding):
    def __init__(self, params: Sequence[Any], style: ParamStyle) -> None:
        super().__init__(style)
        self._count = len(params)
        self._rest = list(reversed(params))

    def _parameter(self, match: re.Match[str]) -> str | None:
        if match["mark"] is None:
            return None
        if not self._rest:
            raise ContractError(f"the statement has more ? than the {self._count} value(s) given")
        return self._place(self._rest.pop())

    def check_all_used(self) -> None:
        if self._rest:
            used = self._count - len(self._rest)
            raise ContractError(f"{self._count} value(s) are given, and the statement has {used} ?")


def _plain(value: Any) -> Any:
    """A numpy or pandas scalar as the Python value that every driver takes."""
    if hasattr(value, "to_pydatetime"):
        return None if value != value else value.to_pydatetime()  # noqa: PLR0124 - NaT
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    return value.item() if hasattr(value, "item") else value


def without_params(sql: str, *, brackets: bool) -> str:
    """The statement with NULL for each parameter: to ask what its columns would be.

    >>> without_params("select ? as a, '?' as b", brackets=True)
    "select NULL as a, '?' as b"
    """

    def replace(match: re.Match[str]) -> str | None:
        return "NULL" if match["mark"] or match["name"] else None

    return _scan(sql, replace, brackets=brackets)
