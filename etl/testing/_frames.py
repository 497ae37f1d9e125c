"""Frames of a contract: rows that keep it, for the tests of whoever reads such rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st

from etl.errors import ContractError
from etl.testing._rules import settled_rules
from etl.testing._values import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dataframely as dy
    from hypothesis.strategies import SearchStrategy

    from etl.testing._rules import Settled

__all__ = ["frames"]


def frames(
    contract: type[dy.Schema],
    *,
    min_size: int = 0,
    max_size: int = 5,
    values: Mapping[str, SearchStrategy[Any]] | None = None,
    rules: bool = True,
) -> SearchStrategy[pl.DataFrame]:
    """Frames of a contract, of any rows that keep it.

    Keys are unique; texts are as long as the column takes, with emoji, Chinese, combining marks,
    line breaks and words such as ``None``; numbers and dates keep their bounds and lie at the edges
    often; a column that may be null is. Rules of several columns hold as well: from the words and
    numbers that they compare with, such combinations are made as they allow.

    Parameters
    ----------
    contract
        A dataframely schema.
    min_size, max_size
        How many rows.
    values
        Column -> strategy of its values, instead of those that its type and bounds give: few keys,
        so that rows of two frames meet, for example. Rows that break the contract by them are left
        out.
    rules
        False for frames of the contract's types alone, some rows of which break keys, bounds and
        rules: for what sets rows aside.

    Returns
    -------
    SearchStrategy of pl.DataFrame
        The contract's columns, in its order and types.

    Raises
    ------
    ContractError
        A column in ``values`` is none of the contract's, there are no values for a column's type,
        or none are found that keep a rule; give them in ``values``.

    Examples
    --------
    >>> import dataframely as dy
    >>> from hypothesis import find
    >>> class Orders(dy.Schema):
    ...     order_id = dy.Int64(primary_key=True, min=1)
    ...     status = dy.String(nullable=True)
    ...     @dy.rule()
    ...     def known(cls): return cls.status.col.is_in(["OPEN", "DONE"])
    >>> find(frames(Orders), lambda rows: rows["status"].is_not_null().sum() > 1).rows()
    [(1, 'OPEN'), (2, 'OPEN')]
    """
    columns = contract.columns()
    given = dict(values or {})
    if unknown := [name for name in given if name not in columns]:
        raise ContractError(
            f"frames: {contract.__name__} has no column {', '.join(unknown)}; "
            f"it has {', '.join(columns)}"
        )
    cells = {
        name: given[name] if name in given else _cells(name, column, bounded=rules)
        for name, column in columns.items()
    }
    schema = pl.Schema(contract)
    if not rules:
        return st.lists(st.fixed_dictionaries(cells), min_size=min_size, max_size=max_size).map(
            lambda rows: pl.DataFrame(rows, schema=schema, orient="row")
        )
    settled = settled_rules(contract, frozenset(given))
    row = st.fixed_dictionaries(cells)
    if settled:
        row = st.tuples(row, *(st.integers(0, group.rows.height - 1) for group in settled)).map(
            lambda drawn: _with_rules(drawn[0], settled, drawn[1:], schema)
        )
    unique = [_key(contract.primary_key())] if contract.primary_key() else []
    unique += [_key([name]) for name, column in columns.items() if column.unique]
    rows = st.lists(row, min_size=min_size, max_size=max_size, unique_by=tuple(unique) or None)
    made = rows.map(lambda drawn: _kept(pl.DataFrame(drawn, schema=schema, orient="row"), contract))
    return made.filter(lambda frame: frame.height >= min_size)


def _cells(name: str, column: dy.Column, *, bounded: bool) -> SearchStrategy[Any]:
    cells = values_of(name, column, bounded=bounded)
    nullable = column.nullable and not column.primary_key
    return st.one_of(st.none(), cells) if nullable else cells


def _key(names: list[str]) -> Any:
    return lambda row: tuple(row[name] for name in names)


def _with_rules(
    row: dict[str, Any], settled: tuple[Settled, ...], places: tuple[int, ...], schema: pl.Schema
) -> dict[str, Any]:
    """Take a combination of the rules' columns, with the row's own values where they keep the rules."""
    for group, place in zip(settled, places, strict=True):
        plain = group.rows.row(place, named=True)
        own = {name: row[name] if name in group.free and value is not None and row[name] is not None else value for name, value in plain.items()}  # fmt: skip
        row = {**row, **(own if group.keeps(own, schema) else plain)}
    return row


def _kept(frame: pl.DataFrame, contract: type[dy.Schema]) -> pl.DataFrame:
    """Leave out rows that break the contract; of rules over several rows, until none does."""
    while True:
        good, failure = contract.filter(frame)
        if not len(failure):
            return pl.DataFrame(good)
        frame = pl.DataFrame(good)
