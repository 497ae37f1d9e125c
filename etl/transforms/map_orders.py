"""From orders as customers send them to rows of the master schedule, by a mapping."""

from __future__ import annotations

from typing import Any, Final

import narwhals as nw

from etl.contracts.keys import code_key
from etl.contracts.master_schedule import MasterSchedule
from etl.contracts.order_mapping import ALL_SIZES, ColumnRule, mapping_rules
from etl.contracts.orders_unified import SAMPLE_SIZES, OrdersUnified, size_columns
from etl.contracts.text import cut_text
from etl.errors import ContractError
from etl.transforms._quantities import quantity, reason
from etl.transforms.cells import WHITE_SPACE, without_null_words
from etl.transforms.customers import with_customer
from etl.transforms.in_python import TextRule, apply_text_rule
from etl.transforms.keys import as_text
from etl.transforms.order_keys import ORDER_PARTS, missing_parts, with_order_key
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed
from etl.transforms.stacking import stacked

__all__ = ["map_orders"]

_COLUMNS: Final = nw.from_native(MasterSchedule.create_empty()).schema
_KEY: Final = "_order_key"
_WHY: Final = "reason"
_SAMPLES: Final = frozenset(code_key(size) for size in SAMPLE_SIZES)
_SHOWN: Final = 80
_BEYOND_BMP: Final = "[\U00010000-\U0010ffff]"


def map_orders(orders: FrameT, mapping: object, customers: object) -> dict[str, FrameT]:
    """Make the schedule's rows of orders, and one row for each size that was ordered.

    Parameters
    ----------
    orders
        Rows of ``dbo.orders_unified``: a pandas or polars frame, a LazyFrame, a pyarrow Table or a
        DuckDB relation. Its size columns are those between ``UNIT OF MEASURE`` and ``TOTAL QTY``.
    mapping
        The rules: a sequence of :class:`~etl.contracts.order_mapping.ColumnRule`, or its frame, of
        any engine, as :class:`etl.io.rules.OrderMapping` reads it.
    customers
        The customers' names (:class:`~etl.contracts.customers.CustomerNames`); of the same engine
        as ``orders``.

    Returns
    -------
    dict of the type of ``orders``
        ``schedule``: rows of :class:`~etl.contracts.master_schedule.MasterSchedule`, without board
        items; columns that have no rule are null. ``sizes``: ``order_key``, ``size`` and
        ``quantity`` for each size with a quantity above 0, samples left out. ``rejected``: the
        orders' own columns behind ``reason``: a part of the key is missing, a customer is missing
        or unknown, a strict value map does not know a value, a quantity is negative or no whole
        number. Every row of the orders is in ``schedule`` or in ``rejected``.

    Raises
    ------
    ContractError
        A column that a rule reads is missing, or has a type that the rule can't take.

    Examples
    --------
    >>> import polars as pl
    >>> told = {"ORDER NUMBER": "SO-1", "STYLE": "ST-9", "COLOR": "Navy", "CUSTOMER NAME": "NW"}
    >>> sizes = {"UNIT OF MEASURE": "pcs", "S": 5, "32DD": None, "SMS": 1, "TOTAL QTY": 6}
    >>> names = {"alias_key": ["nw"], "customer": ["Northwind"], "style_fields": ["style"]}
    >>> rules = [
    ...     ColumnRule(target="customer", how="customer_lookup", sources=("CUSTOMER NAME",)),
    ...     ColumnRule(target="total_qty", how="sum", sources=(ALL_SIZES,)),
    ...     ColumnRule(target="item_name", how="concatenate", sources=("STYLE", "COLOR")),
    ... ]
    >>> mapped = map_orders(pl.DataFrame({**told, **sizes}), rules, pl.DataFrame(names))
    >>> mapped["schedule"].select("customer", "total_qty", "item_name").rows()
    [('Northwind', 5, 'ST-9 Navy')]
    >>> mapped["sizes"].rows(), mapped["rejected"].height
    ([('so-1|st-9|navy', 'S', 5)], 0)
    """
    return on_any_engine(_map_orders, orders, customers, rules=mapping_rules(mapping))


def _map_orders(orders: Lazy, customers: Lazy, *, rules: tuple[ColumnRule, ...]) -> dict[str, Lazy]:
    columns = orders.collect_schema().names()
    sizes = [size for size in size_columns(columns) if code_key(size) not in _SAMPLES]
    targets = {rule.target for rule in rules}
    read = [name for rule in rules for name in rule.sources if name not in {*targets, ALL_SIZES}]
    require(orders, dict.fromkeys([*ORDER_PARTS, *read]), "map_orders, orders")
    rows = typed(orders, OrdersUnified)
    rows = as_text(rows, {part: part for part in ORDER_PARTS})
    rows = with_order_key(rows, into=_KEY)
    problems = [missing_parts()]
    rows, wrong = _counted(rows, _summed(rules, sizes))
    problems += wrong
    for rule in rules:
        rows, problem = _ruled(rows, customers, rule, sizes, {*targets})
        problems += problem
    rows = rows.with_columns(reason(problems).alias(_WHY))
    good = rows.filter(nw.col(_WHY).is_null())
    return {
        "schedule": good.select(_column(*column, targets) for column in _COLUMNS.items()),
        "sizes": _unpivoted(good, sizes),
        "rejected": rows.filter(~nw.col(_WHY).is_null()).select(_WHY, *columns),
    }


def _to(target: str) -> str:
    """Name a column of the schedule while it stands among those of the orders.

    ``style`` and ``STYLE`` are one name to DuckDB.
    """
    return f"_to_{target}"


def _count(source: str) -> str:
    return f"_count_{source}"


def _summed(rules: tuple[ColumnRule, ...], sizes: list[str]) -> list[str]:
    """List every column that is counted, once."""
    named = [name for rule in rules if rule.how == "sum" for name in rule.sources]
    return list(dict.fromkeys([*sizes, *(name for name in named if name != ALL_SIZES)]))


def _counted(rows: Lazy, names: list[str]) -> tuple[Lazy, list[nw.Expr]]:
    """Add whole numbers for quantities, and say what is wrong with those that are none."""
    schema = rows.collect_schema()
    read = {name: quantity(name, schema[name]) for name in names}
    problems = [each.problem for each in read.values()]
    return rows.with_columns(**{_count(name): each.count for name, each in read.items()}), problems


def _ruled(
    rows: Lazy, customers: Lazy, rule: ColumnRule, sizes: list[str], targets: set[str]
) -> tuple[Lazy, list[nw.Expr]]:
    """Add the column of one rule, and what sets rows aside by it."""
    to = _to(rule.target)
    if rule.how == "customer_lookup":
        return _looked_up(rows, customers, rule)
    if rule.how == "concatenate":
        return _concatenated(rows, rule, targets), []
    if rule.how == "sum":
        names = sizes if rule.sources == (ALL_SIZES,) else list(rule.sources)
        counts = nw.sum_horizontal(*(nw.col(_count(name)) for name in names))
        return rows.with_columns(counts.alias(to)), []
    [source] = rule.sources
    if rule.how == "exact" or (
        rule.how == "direct" and not _is_text(rows.collect_schema()[source])
    ):
        return rows.with_columns(nw.col(source).alias(to)), []
    rows = as_text(rows, {to: source})
    if rule.how == "direct":
        return rows.with_columns(_trimmed(nw.col(to))), []
    return _valued(rows, rule)


def _is_text(dtype: Any) -> bool:
    return dtype in (nw.String, nw.Categorical, nw.Enum)


def _trimmed(text: nw.Expr) -> nw.Expr:
    return without_null_words(text).str.strip_chars(WHITE_SPACE)


def _valued(rows: Lazy, rule: ColumnRule) -> tuple[Lazy, list[nw.Expr]]:
    to = nw.col(_to(rule.target))
    known = list(rule.values)
    other = nw.lit(rule.default, dtype=nw.String) if rule.has_default else to
    mapped = other
    if known:
        mapped = to.str.strip_chars(WHITE_SPACE).replace_strict(
            known, list(rule.values.values()), default=other, return_dtype=nw.String
        )
    [source] = rule.sources
    problem = []
    if rule.strict:
        # Of the column as it came in: the new one stands in its place below.
        raw = nw.col(_raw(rule.target))
        stranger = ~raw.is_null() & ~raw.str.strip_chars(WHITE_SPACE).is_in(known)
        problem = [_told(stranger, source, raw, f"is none of {', '.join(known) or '(nothing)'}")]
    kept = without_null_words(to)
    rows = rows.with_columns(kept.alias(_raw(rule.target)), kept.alias(_to(rule.target)))
    return rows.with_columns(nw.when(~to.is_null()).then(mapped).alias(_to(rule.target))), problem


def _raw(target: str) -> str:
    return f"_raw_{target}"


def _looked_up(rows: Lazy, customers: Lazy, rule: ColumnRule) -> tuple[Lazy, list[nw.Expr]]:
    [source] = rule.sources
    to, raw = _to(rule.target), _raw(rule.target)
    rows = as_text(rows, {raw: source})
    rows = with_customer(
        rows, customers, column=raw, key=f"_key_{rule.target}", take={"customer": to}
    )
    gone = without_null_words(nw.col(raw)).is_null()
    unknown = ~gone & nw.col(to).is_null()
    return rows, [
        nw.when(gone).then(nw.lit(f"{source}: missing")),
        _told(unknown, source, nw.col(raw), "is no customer's name or alias"),
    ]


def _told(when: nw.Expr, column: str, value: nw.Expr, problem: str) -> nw.Expr:
    """Say in words what is wrong with a text, of which the beginning is shown."""
    shown = value.str.slice(0, _SHOWN)
    return nw.when(when).then(nw.concat_str(nw.lit(f"{column}: '"), shown, nw.lit(f"' {problem}")))


def _concatenated(rows: Lazy, rule: ColumnRule, targets: set[str]) -> Lazy:
    made = rows.collect_schema().names()
    names = [_to(name) if name in targets and _to(name) in made else name for name in rule.sources]
    require(rows, names, f"map_orders, {rule.target}")
    parts = {f"_part_{at}": name for at, name in enumerate(names)}
    rows = as_text(rows, parts).with_columns(_trimmed(nw.col(part)) for part in parts)
    some = nw.any_horizontal(*(~nw.col(part).is_null() for part in parts), ignore_nulls=False)
    joined = nw.concat_str(*map(nw.col, parts), separator=rule.separator, ignore_nulls=True)
    to = _to(rule.target)
    rows = rows.with_columns(nw.when(some).then(joined).alias(to)).drop(*parts)
    return rows if rule.max_length is None else _cut(rows, to, rule.max_length)


def _cut(rows: Lazy, column: str, limit: int) -> Lazy:
    def long(text: nw.Expr) -> nw.Expr:
        # Each character takes one unit or two, which is for Python to count where it matters.
        wide = (text.str.len_chars() * 2 > limit) & text.str.contains(_BEYOND_BMP)
        return (text.str.len_chars() > limit) | wide

    return apply_text_rule(
        rows,
        [column],
        TextRule(
            function=lambda text: cut_text(text, limit),
            needs_python=long,
            otherwise=lambda text: text,
        ),
    )


def _column(name: str, dtype: Any, targets: set[str]) -> nw.Expr:
    if name == "order_key":
        return nw.col(_KEY).alias(name)
    if name in targets:
        return nw.col(_to(name)).alias(name)
    # No key is empty, so this is null: typed, which a literal null is not in pandas.
    return nw.when(nw.col(_KEY) == "").then(nw.col(_KEY)).cast(dtype).alias(name)


def _unpivoted(rows: Lazy, sizes: list[str]) -> Lazy:
    """One row a size: what has no quantity is dropped here, and nothing else is null."""
    if not sizes:
        raise ContractError("map_orders: the orders have no size columns but those of samples")
    counts = {_count(size): size for size in sizes}
    rows = rows.with_columns(nw.col(_KEY).alias("order_key"))
    return stacked(rows, counts, keep=["order_key"], name="size", value="quantity")
