"""A polars predicate as a small tree that SQL can be made of.

polars hands a scan the filter as an expression. Its shape is read from ``Expr.meta.serialize`` (JSON,
for the names of operators) and ``Expr.meta.pop`` (the parts); the values of literals are what polars
itself gives for them. polars promises neither layout from one version to the next, so whatever
is not known here becomes :class:`Unknown` and stays in polars: a change costs speed, never rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "AllOf",
    "AnyOf",
    "Choice",
    "Compare",
    "Constant",
    "Flag",
    "IsIn",
    "IsNull",
    "Not",
    "Predicate",
    "StartsWith",
    "Unknown",
    "read_predicate",
]


@dataclass(frozen=True)
class Unknown:
    """Something that polars has to judge."""


@dataclass(frozen=True)
class Constant:
    """True, False or null for every row."""

    value: bool | None


@dataclass(frozen=True)
class Flag:
    """A boolean column."""

    column: str


@dataclass(frozen=True)
class Compare:
    """A column against a value that is not null; ``missing`` where null compares as a value."""

    column: str
    operator: str
    """``=``, ``<>``, ``<``, ``<=``, ``>`` or ``>=``."""
    value: Any
    dtype: pl.DataType
    """The value's type."""
    as_float: bool = False
    """Whether the column is compared as a Float64, which may round it."""
    missing: bool = False


@dataclass(frozen=True)
class IsIn:
    """A column among values; nulls of the list are told apart, by ``null`` (in the list)."""

    column: str
    values: tuple[Any, ...]
    dtype: pl.DataType
    null: bool
    nulls_equal: bool


@dataclass(frozen=True)
class IsNull:
    """A column without a value."""

    column: str


@dataclass(frozen=True)
class StartsWith:
    """Text that begins with another."""

    column: str
    prefix: str


@dataclass(frozen=True)
class Not:
    """The opposite; of null it is null."""

    part: Predicate


@dataclass(frozen=True)
class AllOf:
    """True where all parts are."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class AnyOf:
    """True where one part is."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class Choice:
    """``when(test).then(yes).otherwise(no)``."""

    test: Predicate
    yes: Predicate
    no: Predicate


Predicate: TypeAlias = (
    Unknown | Constant | Flag | Compare | IsIn | IsNull | StartsWith | Not | AllOf | AnyOf | Choice
)

_COMPARISONS: Final = {
    "Eq": "=",
    "NotEq": "<>",
    "Lt": "<",
    "LtEq": "<=",
    "Gt": ">",
    "GtEq": ">=",
    "EqValidity": "=",
    "NotEqValidity": "<>",
}
_MIRRORED: Final = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_BOUNDS: Final = {
    "Both": (">=", "<="),
    "Left": (">=", "<"),
    "Right": (">", "<="),
    "None": (">", "<"),
}


def read_predicate(expression: pl.Expr) -> Predicate:
    """The predicate as a tree; what has no counterpart in it is :class:`Unknown`.

    >>> read_predicate((pl.col("a") > 1) & pl.col("b").str.contains("x"))
    AllOf(parts=(Compare(column='a', operator='>', value=1, ...), Unknown()))
    """
    try:
        return _read(expression, json.loads(expression.meta.serialize(format="json")))
    except (
        RecursionError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        pl.exceptions.PolarsError,
    ):
        # An expression that has no such form: too deep, a Python function, a layout not known here.
        return Unknown()


def _read(expression: pl.Expr, node: Any) -> Predicate:
    kind, body = _tagged(node)
    reader = _READERS.get(kind)
    return Unknown() if reader is None else reader(expression, body)


def _column(_: pl.Expr, body: Any) -> Predicate:
    return Flag(body)


def _literal(expression: pl.Expr, _: Any) -> Predicate:
    value = _value(expression)
    return Constant(value[0]) if value.dtype in (pl.Boolean, pl.Null) else Unknown()


def _binary(expression: pl.Expr, body: Any) -> Predicate:
    right, left = expression.meta.pop()
    return _operation(body["op"], (left, body["left"]), (right, body["right"]))


def _ternary(expression: pl.Expr, body: Any) -> Predicate:
    test, no, yes = expression.meta.pop()
    return Choice(
        _read(test, body["predicate"]), _read(yes, body["truthy"]), _read(no, body["falsy"])
    )


def _function(expression: pl.Expr, body: Any) -> Predicate:
    parts = list(zip(reversed(expression.meta.pop()), body["input"], strict=True))
    family, function = _tagged(body["function"])
    if family == "Boolean":
        return _boolean(*_tagged(function), parts)
    if (family, function) == ("StringExpr", "StartsWith"):
        return _starts_with(*parts)
    return Unknown()


_READERS: Final[dict[str, Callable[[pl.Expr, Any], Predicate]]] = {
    "Column": _column,
    "Literal": _literal,
    "BinaryExpr": _binary,
    "Ternary": _ternary,
    "Function": _function,
}

_Part: TypeAlias = tuple[pl.Expr, Any]


def _tagged(node: Any) -> tuple[str, Any]:
    """The name of a node and what belongs to it: ``{"Name": body}``, or ``"Name"`` alone."""
    if isinstance(node, dict) and len(node) == 1:
        return next(iter(node.items()))
    return str(node), None


def _value(literal: pl.Expr) -> pl.Series:
    return pl.select(literal).to_series()


def _scalar(part: _Part) -> pl.Series | None:
    """The value of a literal, as a series of one; None for what is none."""
    kind, body = _tagged(part[1])
    if kind != "Literal" or _tagged(body)[0] not in ("Scalar", "Dyn"):
        return None
    value = _value(part[0])
    return value if _python_holds(value) else None


def _python_holds(values: pl.Series) -> bool:
    """Whether Python's values are the same: nanoseconds are more than its times can say."""
    if not values.dtype.is_temporal():
        return True
    same = pl.Series(values.to_list(), dtype=values.dtype).to_physical()
    return same.equals(values.to_physical(), null_equal=True)


def _operation(name: str, left: _Part, right: _Part) -> Predicate:
    if name in ("And", "Or", "LogicalAnd", "LogicalOr"):
        kind = AllOf if "And" in name else AnyOf
        # A chain of them is one: SQL's brackets must not go as deep as it is long.
        parts = [_read(*left), _read(*right)]
        return kind(
            tuple(
                each
                for part in parts
                for each in (part.parts if isinstance(part, kind) else (part,))
            )
        )
    if name not in _COMPARISONS:
        return Unknown()
    operator = _COMPARISONS[name]
    if _scalar(left) is not None:
        left, right, operator = right, left, _MIRRORED[operator]
    return _compare(operator, left, right, missing=name.endswith("Validity"))


def _compare(operator: str, left: _Part, right: _Part, *, missing: bool = False) -> Predicate:
    value = _scalar(right)
    if value is None:
        return Unknown()
    as_float = False
    kind, body = _tagged(left[1])
    if (
        kind == "Cast"
        and body["dtype"] == {"Literal": "Float64"}
        and body["options"] != "Overflowing"
    ):
        as_float = True
        kind, body = _tagged(body["expr"])
    if kind != "Column":
        return Unknown()
    if value[0] is None:
        if not missing:
            return Constant(None)
        return IsNull(body) if operator == "=" else Not(IsNull(body))
    return Compare(body, operator, value[0], value.dtype, as_float, missing)


def _boolean(name: str, options: Any, parts: Sequence[_Part]) -> Predicate:
    match name:
        case "Not":
            made: Predicate = Not(_read(*parts[0]))
        case "AllHorizontal":
            made = AllOf(tuple(_read(*part) for part in parts))
        case "AnyHorizontal":
            made = AnyOf(tuple(_read(*part) for part in parts))
        case "IsNull":
            made = _is_null(parts[0])
        case "IsNotNull":
            made = Not(_is_null(parts[0]))
        case "IsBetween":
            column, low, high = parts
            above, below = _BOUNDS[options["closed"]]
            made = AllOf((_compare(above, column, low), _compare(below, column, high)))
        case "IsIn":
            made = _is_in(*parts, nulls_equal=options["nulls_equal"])
        case _:
            made = Unknown()
    return made


def _is_null(part: _Part) -> Predicate:
    kind, column = _tagged(part[1])
    return IsNull(column) if kind == "Column" else Unknown()


def _is_in(column: _Part, values: _Part, *, nulls_equal: bool) -> Predicate:
    kind, name = _tagged(column[1])
    if kind != "Column" or _tagged(values[1])[0] != "Literal":
        return Unknown()
    listed = _value(values[0])
    if isinstance(listed.dtype, pl.List):
        if listed.len() != 1 or listed[0] is None:
            return Unknown()
        listed = listed.explode(empty_as_null=False)
    if not _python_holds(listed):
        return Unknown()
    known = listed.drop_nulls()
    return IsIn(name, tuple(known.unique()), known.dtype, known.len() < listed.len(), nulls_equal)


def _starts_with(column: _Part, prefix: _Part) -> Predicate:
    kind, name = _tagged(column[1])
    value = _scalar(prefix)
    if kind != "Column" or value is None:
        return Unknown()
    return Constant(None) if value[0] is None else StartsWith(name, value[0])
