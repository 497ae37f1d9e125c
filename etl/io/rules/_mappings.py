"""``mappings/*.yaml``: where each column of the schedule comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, Field, model_validator

from etl.config.files import suggestion
from etl.contracts.describe import ContractColumn, describe
from etl.contracts.master_schedule import MasterSchedule
from etl.contracts.order_mapping import ALL_SIZES, ColumnRule
from etl.io.rules._files import Rules, RulesEntry, checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.config.files import KeyPath

__all__ = ["MappingFile", "column_rules"]

# Given by the transform and by the board; no rule makes them.
_NOT_MAPPED = ("order_key", "board_item_id")


def _text(value: object) -> object:
    """Take a number that was written without quotes as its text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, Field(min_length=1)]
Value = Annotated[str, BeforeValidator(_text)]
Board = Annotated[Text | None, Field(description="the board's column, or its name in config.yaml")]


class ExactField(RulesEntry):
    """The value as it is."""

    source: Text = Field(alias="from", description="a column of the orders")
    board: Board = None


class MappedField(RulesEntry):
    """One column of the orders, changed."""

    how: Literal["direct", "value_map", "customer_lookup"] = Field(
        description="direct: trimmed, words for null as null; value_map: by values; "
        "customer_lookup: the canonical name of config/customers.yaml"
    )
    source: Text = Field(alias="from", description="a column of the orders")
    board: Board = None
    values: dict[str, Value] | None = Field(None, description="value at the source: value")
    default: Value | None = Field(None, description="what any other value becomes, null too")
    strict: bool = Field(False, description="any other value sets the row aside")

    @model_validator(mode="after")
    def _fits(self) -> MappedField:
        told = self.model_fields_set & {"values", "default", "strict"}
        if self.how != "value_map" and told:
            raise ValueError(f"{', '.join(sorted(told))}: only for how: value_map")
        if self.how == "value_map" and not self.values:
            raise ValueError("how: value_map needs values, such as {SS26: Spring 2026}")
        if self.strict and "default" in self.model_fields_set:
            raise ValueError("strict and default do not go together: keep one of them")
        return self


class ComputedField(RulesEntry):
    """Several columns together."""

    how: Literal["concatenate", "sum"] = Field(
        description="concatenate: texts joined by separator; sum: of quantities"
    )
    sources: list[Text] | Literal["sizes"] = Field(
        alias="from",
        description="columns of the orders, or of the schedule above this one; "
        "sizes: all size columns but those of samples",
    )
    board: Board = None
    separator: str = Field(" ", description="what stands between the texts")
    max_length: Annotated[int, Field(ge=1)] | None = Field(
        None, description="where the text is cut, in UTF-16 units; the table's column if left out"
    )

    @model_validator(mode="after")
    def _fits(self) -> ComputedField:
        if self.sources == []:
            raise ValueError("from: names no column")
        if self.how == "concatenate" and self.sources == ALL_SIZES:
            raise ValueError("from: sizes is only for how: sum")
        told = self.model_fields_set & {"separator", "max_length"}
        if self.how == "sum" and told:
            raise ValueError(f"{', '.join(sorted(told))}: only for how: concatenate")
        return self


class MappingFile(RulesEntry):
    """Where each column of dbo.customer_master_schedule comes from."""

    exact: dict[str, ExactField] = Field(
        default_factory=dict, description="column of the schedule: where it comes from, unchanged"
    )
    mapped: dict[str, MappedField] = Field(
        default_factory=dict, description="column of the schedule: where it comes from, changed"
    )
    computed: dict[str, ComputedField] = Field(
        default_factory=dict, description="column of the schedule: what it is made of, in order"
    )


def column_rules(rules: Rules) -> list[ColumnRule]:
    """Make the rules; note columns that the schedule does not have, lacks or could not hold."""
    columns = {c.name: c for c in describe(MasterSchedule) if c.name not in _NOT_MAPPED}
    made: dict[str, ColumnRule] = {}
    places: dict[str, KeyPath] = {}
    for path, rule in _rules(checked(rules, MappingFile)):
        column = columns.get(rule.target)
        if column is None:
            rules.add(path, f"the schedule has no such column to fill; {suggestion(rule.target, columns)}")  # fmt: skip
        elif rule.target in places:
            line = rules.line(places[rule.target])
            rules.add(path, f"has a rule already, on line {line}: keep one of them")
        else:
            _check_type(rules, path, rule, column)
            places[rule.target] = path
            made[rule.target] = _cut(rule, column)
    for name, column in columns.items():
        if name not in made and not column.nullable and not rules.problems:
            rules.add((), f"no rule fills {name}, which is never null in the schedule")
    return list(made.values())


def _rules(file: MappingFile) -> Iterator[tuple[KeyPath, ColumnRule]]:
    for target, exact in file.exact.items():
        yield ("exact", target), _rule(target, "exact", [exact.source], exact)
    for target, mapped in file.mapped.items():
        values = {
            "values": mapped.values or {},
            "strict": mapped.strict,
            "default": mapped.default,
            "has_default": "default" in mapped.model_fields_set,
        }
        yield ("mapped", target), _rule(target, mapped.how, [mapped.source], mapped, **values)
    for target, computed in file.computed.items():
        sources = [ALL_SIZES] if computed.sources == ALL_SIZES else list(computed.sources)
        joined = {"separator": computed.separator, "max_length": computed.max_length}
        yield ("computed", target), _rule(target, computed.how, sources, computed, **joined)


def _rule(target: str, how: Any, sources: list[str], entry: Any, **options: Any) -> ColumnRule:
    return ColumnRule(
        target=target, how=how, sources=tuple(sources), board_column=entry.board, **options
    )


def _check_type(rules: Rules, path: KeyPath, rule: ColumnRule, column: ContractColumn) -> None:
    gives = {"sum": pl.Int64, "value_map": pl.String, "customer_lookup": pl.String, "concatenate": pl.String}  # fmt: skip
    wanted = gives.get(rule.how)
    if wanted is not None and column.dtype != wanted:
        kind = "a whole number" if wanted == pl.Int64 else "text"
        rules.add(path, f"how: {rule.how} gives {kind}, but the column is {column.dtype}")


def _cut(rule: ColumnRule, column: ContractColumn) -> ColumnRule:
    """A joined text is never longer than its column."""
    if rule.how != "concatenate" or column.max_length is None:
        return rule
    limit = min(rule.max_length or column.max_length, column.max_length)
    return ColumnRule(**{**vars(rule), "max_length": limit})
