"""T-SQL, the production dialect, on the other engines: one file runs everywhere.

sqlglot does the work. What it can't know without the tables is done here: which ``+`` joins text,
and which of our parameters stand where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from etl.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Set

__all__ = ["to_dialect"]

# Functions of T-SQL whose result is text, by sqlglot's names.
_TEXT_FUNCTIONS: Final = (
    "Concat",
    "ConcatWs",
    "DPipe",
    "Left",
    "Lower",
    "Replace",
    "Right",
    "Substring",
    "TimeToStr",
    "Trim",
    "Upper",
)


def to_dialect(
    sql: str,
    dialect: str,
    *,
    schema_exists: Callable[[str], bool] = lambda _: False,
    text_columns: Callable[[str], Set[str]] = lambda _: frozenset(),
) -> str:
    """One statement of T-SQL in another dialect.

    Parameters
    ----------
    sql
        T-SQL; parameters are ``:name`` or ``?`` and stay as they are.
    dialect
        sqlglot's name of the target.
    schema_exists
        ``dbo`` is left out where the target has no such schema.
    text_columns
        A table's columns that hold text, in lower case: with text, ``+`` is a concatenation.

    Raises
    ------
    ContractError
        The text is not one statement of T-SQL, or the other dialect can't say it.

    Examples
    --------
    >>> to_dialect("select top 2 [a b] from dbo.t where d > :since", "sqlite")
    'SELECT "a b" FROM t WHERE d > :since LIMIT 2'
    >>> to_dialect("select N'#' + name from t where ok = cast(1 as bit)", "postgres")
    "SELECT '#' || name FROM t WHERE ok = CAST(1 AS BOOLEAN)"
    """
    import sqlglot
    from sqlglot import ErrorLevel, exp

    try:
        statements = [s for s in sqlglot.parse(sql, read="tsql") if s is not None]
        if len(statements) != 1:
            raise ContractError(f"expected one statement, found {len(statements)}: {sql[:80]!r}")
        tree = statements[0]
        _check(tree)
        texts: set[str] = set()
        for table in tree.find_all(exp.Table):
            texts |= text_columns(table.name)
            if table.db.casefold() == "dbo" and not schema_exists("dbo"):
                table.set("db", None)
        tree = tree.transform(_plain)
        _join_text(tree, texts)
        return str(tree.sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE, comments=False))
    except (sqlglot.errors.ParseError, sqlglot.errors.UnsupportedError) as error:
        reason = str(error).splitlines()[0]
        raise ContractError(f"this T-SQL can't be run on {dialect}: {reason}") from error


def _check(tree: Any) -> None:
    from sqlglot import exp

    for like in tree.find_all(exp.Like):
        pattern = like.expression
        if isinstance(pattern, exp.Literal) and "[" in pattern.name:
            raise ContractError(
                f"LIKE {pattern.sql()} uses a character class, which only SQL Server has; "
                "write it without, or filter the frame"
            )


def _plain(node: Any) -> Any:
    """Nodes that the targets write in another way, or not at all."""
    from sqlglot import exp

    if isinstance(node, exp.Placeholder):  # our own binding takes it from here
        return exp.Var(this=f":{node.name}" if node.this else "?")
    if isinstance(node, exp.National):
        return exp.Literal.string(node.name)
    if isinstance(node, exp.DataType) and node.is_type("bit"):
        return exp.DataType.build("boolean")
    return node


def _join_text(tree: Any, texts: set[str]) -> None:
    """Turn ``+`` into a concatenation where a side is text; from the inside out."""
    from sqlglot import exp

    for node in reversed(list(tree.find_all(exp.Add))):
        if _is_text(node.left, texts) or _is_text(node.right, texts):
            node.replace(exp.DPipe(this=node.left, expression=node.right, safe=False))


def _is_text(node: Any, texts: set[str]) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Literal):
        return bool(node.is_string)
    if isinstance(node, exp.Column):
        return node.name.lower() in texts
    if isinstance(node, exp.Cast):
        return bool(node.to.is_type(*exp.DataType.TEXT_TYPES))
    if isinstance(node, exp.Paren):
        return _is_text(node.this, texts)
    if isinstance(node, exp.Coalesce):
        return any(_is_text(part, texts) for part in [node.this, *node.expressions])
    return type(node).__name__ in _TEXT_FUNCTIONS
