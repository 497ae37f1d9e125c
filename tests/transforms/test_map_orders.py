"""Properties of the mapping of orders, against a model in plain Python."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.contracts.check import split
from etl.contracts.keys import code_key, name_key
from etl.contracts.master_schedule import MasterSchedule
from etl.contracts.order_mapping import ALL_SIZES, ColumnRule, mapping_frame, mapping_rules
from etl.contracts.text import cut_text
from etl.errors import ContractError
from etl.testing import Engine, assert_engine_parity, hand_over, texts
from etl.transforms.map_orders import map_orders
from etl.transforms.order_keys import ORDER_PARTS
from tests.parity import parity
from tests.transforms.order_frames import (
    SIZES,
    customer_names,
    one_order,
    orders,
    orders_of,
)

ORDERED = [size for size in SIZES if size != "SMS"]
NULLS = {"", "none", "nan", "null", "nat"}
TYPES = {"ACTIVE": "Active", "CANCELLED": "Cancelled"}


def rule(target: str, how: Any, *sources: str, **options: Any) -> ColumnRule:
    return ColumnRule(target=target, how=how, sources=sources, **options)


CUSTOMER = rule("customer", "customer_lookup", "CUSTOMER NAME", board_column="customer")
RULES = [
    rule("order_number", "direct", "ORDER NUMBER"),
    rule("style", "direct", "STYLE"),
    rule("color", "direct", "COLOR"),
    rule("po_number", "direct", "PO NUMBER"),
    CUSTOMER,
    rule("season", "value_map", "SEASON", values={"SS26": "Spring 26", "春": "Spring"}),
    rule("order_type", "value_map", "ORDER TYPE", values=TYPES, has_default=True, default="Other"),
    rule("received_date", "exact", "RECEIVED DATE"),
    rule("unit_price", "exact", "UNIT PRICE"),
    rule("reported_qty", "exact", "TOTAL QTY"),
    rule("total_qty", "sum", ALL_SIZES),
    rule("item_name", "concatenate", "STYLE", "COLOR", "ORDER NUMBER", max_length=255),
    rule("group_name", "concatenate", "customer", "season", max_length=255),
]
STRICT = [
    rule("order_type", "value_map", "ORDER TYPE", values=TYPES, strict=True) if r.target == "order_type" else r
    for r in RULES
]  # fmt: skip


def cleaned(text: str | None) -> str | None:
    return None if text is None or text.strip().lower() in NULLS else text.strip()


def joined(*parts: str | None) -> str | None:
    return " ".join(part for part in map(cleaned, parts) if part is not None) or None


def model(row: dict[str, Any], *, strict: bool) -> dict[str, Any] | list[str]:
    """Say what becomes of one order: a row of the schedule, or what is wrong with it."""
    names = dict(customer_names().select("alias_key", "customer").rows())
    wrong = [f"{part}: missing" for part in ORDER_PARTS if cleaned(row[part]) is None]
    wrong += [f"{size}: {row[size]} is below 0" for size in ORDERED if (row[size] or 0) < 0]
    name = row["CUSTOMER NAME"]
    if cleaned(name) is None:
        wrong.append("CUSTOMER NAME: missing")
    elif name_key(name) not in names:
        wrong.append(f"CUSTOMER NAME: '{name}' is no customer's name or alias")
    kind = cleaned(row["ORDER TYPE"])
    if strict and kind is not None and kind not in TYPES:
        wrong.append(f"ORDER TYPE: '{row['ORDER TYPE']}' is none of ACTIVE, CANCELLED")
    if wrong:
        return wrong
    season = {"SS26": "Spring 26", "春": "Spring"}.get(cleaned(row["SEASON"]) or "")
    raw = None if cleaned(row["SEASON"]) is None else row["SEASON"]
    customer = names[name_key(name)]
    parts = [cleaned(row[part]) for part in ORDER_PARTS]
    told = {
        "order_key": "|".join(
            code_key(part or "").replace("\\", "\\\\").replace("|", "\\|") for part in parts
        ),
        "order_number": parts[0], "style": parts[1], "color": parts[2],
        "po_number": cleaned(row["PO NUMBER"]),
        "customer": customer,
        "season": season or raw,
        "order_type": None if kind is None else TYPES.get(kind, "Other"),
        "received_date": row["RECEIVED DATE"],
        "unit_price": row["UNIT PRICE"],
        "reported_qty": row["TOTAL QTY"],
        "total_qty": sum(row[size] or 0 for size in ORDERED),
        "item_name": joined(parts[1], parts[2], parts[0]),
        "group_name": joined(customer, season or raw),
    }  # fmt: skip
    return {name: told.get(name) for name in MasterSchedule.column_names()}


def counted(frame: pl.DataFrame) -> Counter[Any]:
    return Counter(frame.rows())


@pytest.mark.parametrize("strict", [False, True])
@given(orders=orders())
def test_every_order_is_scheduled_or_set_aside_as_the_model_says(
    orders: pl.DataFrame, strict: bool
) -> None:
    mapped = map_orders(orders, STRICT if strict else RULES, customer_names())
    scheduled: Counter[Any] = Counter()
    aside: Counter[Any] = Counter()
    for row in orders.iter_rows(named=True):
        made = model(row, strict=strict)
        if isinstance(made, dict):
            scheduled[tuple(made.values())] += 1
        else:
            aside[("; ".join(made), *row.values())] += 1
    assert counted(mapped["schedule"]) == scheduled
    assert counted(mapped["rejected"]) == aside
    assert mapped["schedule"].schema == pl.Schema(MasterSchedule)
    assert mapped["rejected"].columns == ["reason", *orders.columns]


@given(orders=orders())
def test_quantities_are_conserved(orders: pl.DataFrame) -> None:
    mapped = map_orders(orders, RULES, customer_names())
    schedule, sizes, rejected = (mapped[name] for name in ("schedule", "sizes", "rejected"))
    assert sizes["quantity"].sum() == schedule["total_qty"].sum()
    assert (sizes["quantity"] > 0).all()
    both = orders.select(ORDERED).sum().sum_horizontal().item()
    left = rejected.select(ORDERED).sum().sum_horizontal().item()
    assert schedule["total_qty"].sum() + left == both
    by_key = sizes.group_by("order_key").agg(pl.col("quantity").sum())
    totals = schedule.group_by("order_key").agg(pl.col("total_qty").sum())
    assert set(by_key.rows()) == {row for row in totals.rows() if row[1] > 0}


@parity(map_orders)
@settings(max_examples=4)
@given(orders=orders())
def test_every_engine_gives_the_same(engine: Engine, orders: pl.DataFrame) -> None:
    def mapped(orders: Any, customers: Any) -> Any:
        return map_orders(orders, mapping_frame(STRICT), customers)

    contract = {"schedule": MasterSchedule}
    assert_engine_parity(mapped, orders, customer_names(), engines=[engine], contract=contract)


def _with_rules(engine: Engine, orders: pl.DataFrame, rules: list[ColumnRule]) -> list[Any]:
    natives = hand_over(engine, orders, customer_names())
    return [natives[0], mapping_frame(rules), natives[1]]


def one(rules: list[ColumnRule], **cells: Any) -> dict[str, Any]:
    """The schedule's row that one order becomes."""
    mapped = map_orders(orders_of(one_order(**cells)), rules, customer_names())
    assert mapped["rejected"].height == 0
    return mapped["schedule"].row(0, named=True)


def why(rules: list[ColumnRule], **cells: Any) -> str:
    """Why one order is set aside."""
    mapped = map_orders(orders_of(one_order(**cells)), rules, customer_names())
    assert mapped["schedule"].height == mapped["sizes"].height == 0
    return str(mapped["rejected"]["reason"].item())


@given(orders=orders(), data=st.data())
def test_orders_are_mapped_one_by_one_whatever_stands_beside_them(
    orders: pl.DataFrame, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, orders.height))
    whole = map_orders(orders, STRICT, customer_names())
    parts = [map_orders(part, STRICT, customer_names()) for part in (orders[at:], orders[:at])]
    for name, frame in whole.items():
        assert counted(frame) == counted(pl.concat([part[name] for part in parts]))


def test_no_orders_give_the_contracts_columns(engine: Engine) -> None:
    mapped = map_orders(*_with_rules(engine, orders_of(), RULES))
    checked = split(engine.read(mapped["schedule"]), MasterSchedule)
    assert (checked.good.height, checked.rejected.height) == (0, 0)
    assert engine.read(mapped["sizes"]).columns == ["order_key", "size", "quantity"]


def test_sizes_are_found_by_their_place_whatever_they_are_called(engine: Engine) -> None:
    sizes = ("3/4", "sms ", "XXXL", "棉 ½")
    order = {**one_order(), "3/4": 2, "sms ": 7, "XXXL": None, "棉 ½": 40, "TOTAL QTY": 49}
    mapped = map_orders(*_with_rules(engine, orders_of(order, sizes=sizes), RULES[10:11]))
    assert sorted(engine.read(mapped["sizes"]).rows()) == [
        ("so-1|st-9|navy", "3/4", 2),
        ("so-1|st-9|navy", "棉 ½", 40),
    ]
    assert engine.read(mapped["schedule"])["total_qty"].to_list() == [42]


def test_quantities_may_have_any_type(engine: Engine) -> None:
    cells = {
        "XXS": pl.Series([" 1,200 ", "+12.0", "none"]),
        "M": pl.Series([12.0, None, 0.0]),
        "0": pl.Series([Decimal("3.00"), None, None], dtype=pl.Decimal(12, 2)),
        "32DD": pl.Series([7, None, 1], dtype=pl.Int16),
        "ONE SIZE": pl.Series([None, None, None], dtype=pl.Null),
    }
    numbers = [one_order(order_number=str(at)) for at in range(3)]
    orders = orders_of(*numbers).with_columns(**cells)
    mapped = map_orders(*_with_rules(engine, orders, RULES[:1] + RULES[10:11]))
    counted = engine.read(mapped["schedule"]).select("order_number", "total_qty").rows()
    assert dict(counted) == {"0": 1200 + 12 + 3 + 7, "1": 12, "2": 1}


@pytest.mark.parametrize(
    ("dtype", "quantity", "reason"),
    [
        (pl.String, "12 pcs", "M: '12 pcs' is no whole number"),
        (pl.String, "1.5", "M: '1.5' is no whole number"),
        (pl.String, "-3", "M: '-3' is below 0"),
        (pl.String, "9" * 30, f"M: '{'9' * 30}' is no whole number"),
        (pl.Float64, 1.5, "M: 1.5 is no whole number"),
        (pl.Float64, float("inf"), "M: inf is no whole number"),
        (pl.Int64, -3, "M: -3 is below 0"),
    ],
)
def test_quantities_that_are_none_set_their_order_aside(
    dtype: Any, quantity: Any, reason: str
) -> None:
    order = orders_of({**one_order(), "M": quantity}, dtype=dtype)
    mapped = map_orders(order, RULES, customer_names())
    assert mapped["rejected"]["reason"].to_list() == [reason]


def test_a_size_column_of_dates_is_an_error() -> None:
    order = orders_of(dtype=pl.Date)
    with pytest.raises(ContractError, match=r"XXS: a quantity is a whole number, .* has Date"):
        map_orders(order, RULES, customer_names())


def test_the_total_of_the_source_is_kept_beside_the_sum() -> None:
    row = one(RULES, m=3, sms=9, total_qty=12)
    assert (row["total_qty"], row["reported_qty"]) == (3, 12)


def test_a_value_map(engine: Engine) -> None:
    ways: list[tuple[str, dict[str, Any]]] = [
        ("season", {}),
        ("order_type", {"has_default": True, "default": "?"}),
        ("destination", {"has_default": True, "default": None}),
    ]
    mapped = {  # as it is, with a default, with none for what is not known
        "SS26": ("Spring", "Spring", "Spring"),
        " SS26 ": ("Spring", "Spring", "Spring"),
        "ss26": ("ss26", "?", None),  # another value
        " FW26 ": (" FW26 ", "?", None),
        "NaN": (None, None, None),
        None: (None, None, None),
    }
    rules = [rule(target, "value_map", "SEASON", values={"SS26": "Spring"}, **options) for target, options in ways]  # fmt: skip
    numbers = {written: f"SO-{at}" for at, written in enumerate(mapped)}
    orders = orders_of(*(one_order(season=season, order_number=number) for season, number in numbers.items()))  # fmt: skip
    natives = _with_rules(engine, orders, [RULES[0], *rules])
    rows = engine.read(map_orders(*natives)["schedule"])
    found = {row[0]: row[1:] for row in rows.select("order_number", *dict(ways)).rows()}
    assert found == {numbers[written]: values for written, values in mapped.items()}


def test_a_strict_value_map_sets_aside_what_it_does_not_know() -> None:
    strict = [rule("season", "value_map", "SEASON", values={"SS26": "Spring"}, strict=True)]
    assert why(strict, season="Summer") == "SEASON: 'Summer' is none of SS26"
    assert one(strict, season="None")["season"] is None


def test_a_customer_is_found_by_its_whole_name_alone() -> None:
    assert (
        one([CUSTOMER], customer_name="ＮＯＲＴＨＷＩＮＤ ")["customer"] == "Northwind Outfitters"
    )
    for name in ("North", "Northwind Outfitters Inc", "Soder"):
        assert why([CUSTOMER], customer_name=name) == (
            f"CUSTOMER NAME: '{name}' is no customer's name or alias"
        )
    assert why([CUSTOMER], customer_name=" null ", color="") == (
        "COLOR: missing; CUSTOMER NAME: missing"
    )


@given(style=texts(100), color=texts(100), number=texts(100), limit=st.integers(1, 300))
def test_an_item_name_is_cut_between_characters(
    style: str, color: str, number: str, limit: int
) -> None:
    name = [rule("item_name", "concatenate", "STYLE", "COLOR", "ORDER NUMBER", max_length=limit)]
    order = orders_of(one_order(style=style, color=color, order_number=number))
    mapped = map_orders(order, name, customer_names())
    whole = joined(style, color, number)
    if all(cleaned(part) for part in (style, color, number)) and whole is not None:
        made = mapped["schedule"]["item_name"].item()
        assert made == cut_text(whole, limit)
        assert whole.startswith(made)
        assert len(made.encode("utf-16-le")) // 2 <= limit
    else:
        assert mapped["rejected"].height == 1


def test_long_names_are_cut_alike_everywhere(engine: Engine) -> None:
    name = [rule("item_name", "concatenate", "STYLE", "COLOR", max_length=9)]
    orders = orders_of(
        one_order(style="shirt", color="👕👕👕"), one_order(style="longer than that")
    )
    rows = engine.read(map_orders(*_with_rules(engine, orders, name))["schedule"])
    assert sorted(rows["item_name"].to_list()) == ["longer th", "shirt 👕"]


def test_a_column_that_a_rule_reads_must_be_there() -> None:
    with pytest.raises(ContractError, match="map_orders, orders: the frame has no column BUYER"):
        map_orders(orders_of(), [rule("customer", "direct", "BUYER")], customer_names())
    with pytest.raises(ContractError, match=r"RECEIVED DATE is taken as text, .* has Date"):
        map_orders(
            orders_of(), [rule("group_name", "concatenate", "RECEIVED DATE")], customer_names()
        )


def test_a_mapping_is_the_same_as_its_frame(engine: Engine) -> None:
    assert mapping_rules(mapping_frame(STRICT)) == tuple(STRICT)
    assert mapping_rules(mapping_frame(STRICT).lazy()) == tuple(STRICT)
    assert mapping_rules(engine.make(mapping_frame(STRICT))) == tuple(STRICT)
