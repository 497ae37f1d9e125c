"""Split a frame into the rows that keep a contract and those set aside, with the reasons.

Three things in turn: the columns must be the contract's; each value is cast without loss
(:mod:`etl.contracts.casts`); then dataframely's rules hold, keys included. A row that fails
anywhere is kept as it came in, as JSON, beside every reason that it fails for.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import cast

import dataframely as dy
import polars as pl

from etl.contracts.casts import cast_lossless
from etl.contracts.describe import describe
from etl.contracts.reasons import Reasons
from etl.contracts.row_json import rows_as_json
from etl.errors import ContractError
from etl.markup import frame_table, paragraphs

__all__ = ["Checked", "split"]


@dataclass(frozen=True)
class Checked:
    """A frame, split: every row that came in is in exactly one of the two.

    ``good`` has exactly the contract's columns, in its order and types. ``rejected`` has the
    columns ``reason`` and ``row`` (the row as it came in, as JSON; see
    :mod:`etl.contracts.row_json`), in the order the rows came in.
    """

    good: pl.DataFrame
    rejected: pl.DataFrame

    def with_rejected(self, frame: pl.DataFrame) -> Checked:
        """Add rows that a transform has set aside itself, before those that broke the contract.

        Parameters
        ----------
        frame
            A column ``reason`` (String, never null), and the row's own columns.

        Raises
        ------
        ContractError
            There is no column ``reason``, or a row has none.

        Examples
        --------
        >>> none = Checked(good=pl.DataFrame(), rejected=_rejected([], []))
        >>> none.with_rejected(pl.DataFrame({"reason": ["no style"], "po": ["A-1"]})).rejected.rows()
        [('no style', '{"po": "A-1"}')]
        """
        if "reason" not in frame.columns or frame["reason"].null_count():
            raise ContractError("rows that are set aside have a column reason that is never null")
        rows = rows_as_json(frame.drop("reason"))
        added = _rejected(frame["reason"].to_list(), rows)
        return Checked(good=self.good, rejected=pl.concat([added, self.rejected]))

    def _repr_html_(self) -> str:
        good, aside = self.good, self.rejected
        kept = f"{good.height} rows that keep the contract, {good.width} columns"
        if not aside.height:
            return frame_table(good, caption=kept) + paragraphs(["no row is set aside"])
        return frame_table(good, caption=kept) + frame_table(
            aside, caption=f"{aside.height} rows set aside", rows=10
        )


def split(frame: pl.DataFrame, contract: type[dy.Schema]) -> Checked:
    """Set aside the rows of a frame that break a contract.

    Parameters
    ----------
    frame
        Exactly the contract's columns, in any order; of any types that hold their values.
    contract
        A dataframely schema.

    Returns
    -------
    Checked
        ``len(good) + len(rejected) == len(frame)``, and ``good`` validates. Of rows that share a
        primary key all are set aside: which of them is right, only their source can tell.

    Raises
    ------
    ContractError
        A column of the contract is missing, or the frame has one that the contract does not know.

    Examples
    --------
    >>> class Orders(dy.Schema):
    ...     order_id = dy.Int64(primary_key=True)
    ...     cut_qty = dy.Int64(nullable=True, min=0)
    >>> frame = pl.DataFrame({"order_id": [1, 2, 3], "cut_qty": ["12", "12 pcs", "-1"]})
    >>> checked = split(frame, Orders)
    >>> checked.good.rows()
    [(1, 12)]
    >>> for reason in checked.rejected["reason"]: print(reason)
    cut_qty: '12 pcs' is not a whole number
    cut_qty: -1 is below 0
    >>> checked.rejected["row"][0]
    '{"order_id": 2, "cut_qty": "12 pcs"}'
    """
    columns = describe(contract)
    _check_names(frame.columns, [column.name for column in columns], contract.__name__)
    typed = pl.DataFrame([cast_lossless(frame[column.name], column.dtype) for column in columns])
    reasons = Reasons(contract)
    for column in columns:
        reasons.add_failed_casts(frame[column.name], typed[column.name])
    _add_broken_rules(reasons, typed, contract)
    set_aside = reasons.rows()
    if not set_aside:
        return Checked(good=typed, rejected=_rejected([], []))
    rows = rows_as_json(frame[set_aside])
    kept = ~pl.int_range(frame.height, eager=True).is_in(set_aside)
    return Checked(
        good=typed.filter(kept),
        rejected=_rejected([reasons.text(row) for row in set_aside], rows),
    )


def _rejected(reasons: list[str], rows: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"reason": reasons, "row": rows}, schema={"reason": pl.String, "row": pl.String}
    )


def _check_names(present: list[str], wanted: list[str], contract: str) -> None:
    missing = [name for name in wanted if name not in present]
    unknown = [name for name in present if name not in wanted]
    if missing:
        listed = ", ".join(f"{name}{_suggestion(name, unknown)}" for name in missing)
        raise ContractError(
            f"{contract}: the frame lacks {_columns(missing)} {listed}; "
            "a transform returns every column of its contract"
        )
    if unknown:
        listed = ", ".join(f"{name}{_suggestion(name, wanted)}" for name in unknown)
        raise ContractError(
            f"{contract}: the contract does not know {_columns(unknown)} {listed}; "
            "drop them in the transform or add them to the contract"
        )


def _columns(names: list[str]) -> str:
    return "the column" if len(names) == 1 else "the columns"


def _suggestion(name: str, candidates: list[str]) -> str:
    close = difflib.get_close_matches(name, candidates, n=1)
    return f" (is it {close[0]}?)" if close else ""


def _add_broken_rules(reasons: Reasons, typed: pl.DataFrame, contract: type[dy.Schema]) -> None:
    """Note what dataframely's rules say, until those left keep them all.

    A rule over several rows can break for the rows that stay when others are set aside; with
    rules of single rows, the second round finds nothing.
    """
    index = "row"
    while index in typed.columns:
        index += "_"
    # The contract with one column more, the row's number: dataframely says which rows are bad.
    numbered = cast("type[dy.Schema]", type(contract.__name__, (contract,), {index: dy.UInt32()}))
    rest = typed.with_row_index(index).with_columns(pl.col(index).cast(pl.UInt32))
    while True:
        _, failure = numbered.filter(rest)
        if not len(failure):
            return
        details = failure.details()
        for rule in failure.counts():
            broken = details.filter(pl.col(rule) == "invalid")
            reasons.add_rule(rule, broken, broken[index].to_list())
        rest = rest.filter(~pl.col(index).is_in(reasons.rows()))
