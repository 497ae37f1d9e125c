"""Files of rules: what they say, and every mistake with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from etl.config import load_config
from etl.contracts.customers import CustomerNames
from etl.contracts.keys import name_key
from etl.contracts.master_schedule import MasterSchedule
from etl.contracts.order_mapping import MappingRows, mapping_rules
from etl.contracts.orders_unified import OrdersUnified
from etl.errors import ConfigError
from etl.io.rules import Customers, OrderMapping
from etl.io.source import ReadContext
from etl.samples.customers import CUSTOMERS

ROOT = Path(__file__).parents[3]
REQUIRED = """\
mapped:
  order_number: {how: direct, from: ORDER NUMBER}
  customer: {how: customer_lookup, from: CUSTOMER NAME}
  style: {how: direct, from: STYLE}
  color: {how: direct, from: COLOR}
computed:
  total_qty: {how: sum, from: sizes}
  item_name: {how: concatenate, from: [STYLE, COLOR]}
"""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadContext:
    """A directory with a configuration and no rules of its own."""
    (tmp_path / "config.yaml").write_text("databases: {orders: {url: 'sqlite://'}}\n")
    monkeypatch.chdir(tmp_path)
    return ReadContext(config=load_config(tmp_path / "config.yaml"))


def write(context: ReadContext, name: str, text: str) -> None:
    file = context.config.path.parent / "config" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def customers_problems(context: ReadContext, text: str) -> tuple[str, ...]:
    write(context, "customers.yaml", text)
    with pytest.raises(ConfigError) as raised:
        Customers().read(context)
    return raised.value.problems


def mapping_problems(context: ReadContext, text: str) -> tuple[str, ...]:
    write(context, "mappings/one.yaml", text)
    with pytest.raises(ConfigError) as raised:
        OrderMapping("one").read(context)
    return raised.value.problems


def test_the_shipped_customers_are_those_of_the_samples(context: ReadContext) -> None:
    read = Customers().read(context)
    assert CustomerNames.is_valid(read.frame)
    assert not read.counts
    expected = {
        (name_key(name), customer.name, ",".join(customer.style))
        for customer in CUSTOMERS
        for name in (customer.name, *customer.aliases)
    }
    assert set(read.frame.rows()) == expected


def test_the_shipped_mapping_fills_the_schedule_from_columns_of_the_orders(
    context: ReadContext,
) -> None:
    frame = OrderMapping("customer_master_schedule").read(context).frame
    assert MappingRows.is_valid(frame)
    rules = mapping_rules(frame)
    targets = [rule.target for rule in rules]
    known = {*OrdersUnified.column_names(), *targets, "sizes"}
    assert {source for rule in rules for source in rule.sources} <= known
    unmapped = {*MasterSchedule.column_names()} - {*targets}
    assert unmapped == {"order_key", "board_item_id"}
    assert {rule.target: rule.max_length for rule in rules}["group_name"] == 255
    config = load_config(ROOT / "config.yaml")
    board = config.monday().boards["schedule"]
    assert {rule.board_column for rule in rules} - {None} <= set(board.sample or {})


def test_a_file_beside_the_configuration_goes_before_the_packages(context: ReadContext) -> None:
    write(context, "customers.yaml", "customers: [{name: ' Ours ', style: [pattern, style]}]\n")
    assert Customers().read(context).frame.rows() == [("ours", "Ours", "pattern,style")]
    with pytest.raises(ConfigError, match=r"no file config/mappings/nope\.yaml; write it, or copy"):
        OrderMapping("nope").read(context)


def test_a_mapping_that_nobody_wrote_is_an_error_with_a_hint(context: ReadContext) -> None:
    write(context, "mappings/weekly.yaml", REQUIRED)
    with pytest.raises(ConfigError, match=r"mappings/weakly\.yaml; did you mean 'weekly'\?"):
        OrderMapping("weakly").read(context)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("Northwind", "'Northwind' is a name of 'Northwind Outfitters' too on line 3"),
        ("ＮＯＲＴＨ  wind", None),
        ("  ｎｏｒｔｈｗｉｎｄ", "'  ｎｏｒｔｈｗｉｎｄ' is a name of 'Northwind Outfitters' too, as 'Northwind', on line 3"),
        ("NORTHWIND\u3000OUTFITTERS", "'NORTHWIND\\u3000OUTFITTERS' is a name of 'Northwind Outfitters' too, as 'Northwind Outfitters', on line 2"),
    ],
)  # fmt: skip
def test_a_name_of_two_customers_is_an_error_that_names_both_lines(
    context: ReadContext, second: str, told: str | None
) -> None:
    text = (
        "customers:\n"
        "  - name: Northwind Outfitters\n"
        "    aliases: [Northwind]\n"
        "  - name: South\n"
        "    aliases:\n"
        f"      - '{second}'\n"
    )
    if told is None:
        write(context, "customers.yaml", text)
        assert Customers().read(context).frame.height == 4
    else:
        [problem] = customers_problems(context, text)
        assert problem == (
            f"customers.1.aliases.0: {told}: a name belongs to one customer "
            "(config/customers.yaml:6)"
        )


def test_every_mistake_in_the_customers_is_told_at_once_with_its_line(
    context: ReadContext,
) -> None:
    text = (
        "customers:\n"
        "  - name: A\n"
        "    alises: [B]\n"
        "  - aliases: [C]\n"
        "  - name: 12\n"
        "  - {name: D, style: [stile]}\n"
        "  - {name: E, aliases: F}\n"
        "custmers: []\n"
    )
    assert customers_problems(context, text) == (
        "customers.0.alises: unknown key; did you mean 'aliases'? (config/customers.yaml:3)",
        "customers.1.name: is missing (config/customers.yaml:4)",
        "customers.2.name: must be text: put it in quotes (config/customers.yaml:5)",
        "customers.3.style.0: must be one of style, pattern (config/customers.yaml:6)",
        "customers.4.aliases: must be a list, such as [a, b] (config/customers.yaml:7)",
        "custmers: unknown key; did you mean 'customers'? (config/customers.yaml:8)",
    )
    assert "given twice" in customers_problems(
        context, "customers:\n  - name: A\n    name: B\n"
    )[0]  # fmt: skip
    twice = customers_problems(context, "customers:\n  - {name: A, aliases: [' a']}\n")
    assert "'a' is there already" in twice[0] or "' a' is there already" in twice[0]
    assert (
        "is nothing but white space" in customers_problems(context, "customers: [{name: ' '}]")[0]
    )
    assert "names a field twice" in customers_problems(
        context, "customers: [{name: A, style: [style, style]}]"
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("exact: {po_nmber: {from: PO NUMBER}}", "exact.po_nmber: the schedule has no such column to fill; did you mean 'po_number'?"),
        ("exact: {order_key: {from: PO NUMBER}}", "exact.order_key: the schedule has no such column to fill; did you mean 'order_type'?"),
        ("exact: {style: {from: STYLE}}", "mapped.style: has a rule already, on line 1: keep one of them"),
        ("exact: {alt_po: {form: ALT PO}}", "exact.alt_po.form: unknown key; did you mean 'from'?"),
        ("exact: {alt_po: {}}", "exact.alt_po.from: is missing"),
        ("exact: alt_po", "exact: must be a mapping (`key: value` lines below it)"),
        ("exacts: {}", "exacts: unknown key; did you mean 'exact'?"),
    ],
)  # fmt: skip
def test_mistakes_in_a_mapping(context: ReadContext, line: str, problem: str) -> None:
    [told, *_] = [
        each.rpartition(" (")[0] for each in mapping_problems(context, f"{line}\n{REQUIRED}")
    ]
    assert told == problem


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{how: value_map, from: SEASON}", "how: value_map needs values, such as {SS26: Spring 2026}"),
        ("{how: value_map, from: SEASON, values: {A: B}, strict: true, default: C}", "strict and default do not go together: keep one of them"),
        ("{how: direct, from: SEASON, values: {A: B}}", "values: only for how: value_map"),
        ("{how: lookup, from: SEASON}", "must be one of direct, value_map, customer_lookup"),
        ("{how: value_map, from: SEASON, values: {A: yes}}", "must be text: put it in quotes"),
    ],
)  # fmt: skip
def test_mistakes_in_a_mapped_field(context: ReadContext, entry: str, problem: str) -> None:
    text = REQUIRED.replace("computed:", f"  season: {entry}\ncomputed:")
    [told] = mapping_problems(context, text)
    assert told.startswith("mapped.season")
    assert told.endswith(f"{problem} (config/mappings/one.yaml:6)")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{how: sum, from: sizes}", "how: sum gives a whole number, but the column is String"),
        ("{how: concatenate, from: sizes}", "from: sizes is only for how: sum"),
        ("{how: concatenate, from: []}", "from: names no column"),
        ("{how: sum, from: [XS], separator: '-'}", "separator: only for how: concatenate"),
        ("{how: concatenate, from: [STYLE], max_length: 0}", "must be greater than or equal to 1"),
    ],
)  # fmt: skip
def test_mistakes_in_a_computed_field(context: ReadContext, entry: str, problem: str) -> None:
    [told] = mapping_problems(context, f"{REQUIRED}  group_name: {entry}\n")
    assert told.startswith("computed.group_name")
    assert told.endswith(f"{problem} (config/mappings/one.yaml:9)")


def test_a_required_column_without_a_rule_is_told(context: ReadContext) -> None:
    text = REQUIRED.replace("  color: {how: direct, from: COLOR}\n", "")
    assert mapping_problems(context, text) == (
        "no rule fills color, which is never null in the schedule (config/mappings/one.yaml)",
    )


def test_values_may_be_numbers_and_a_default_may_be_null(context: ReadContext) -> None:
    entry = "{how: value_map, from: SEASON, values: {1: 2}, default: null}"
    text = REQUIRED.replace("computed:", f"  season: {entry}\ncomputed:")
    write(context, "mappings/one.yaml", text)
    rules = {rule.target: rule for rule in mapping_rules(OrderMapping("one").read(context).frame)}
    season = rules["season"]
    assert (dict(season.values), season.has_default, season.default) == ({"1": "2"}, True, None)


def test_a_file_that_is_no_yaml_says_where(context: ReadContext) -> None:
    write(context, "customers.yaml", "customers: [")
    with pytest.raises(ConfigError, match=r"config/customers\.yaml, line 1: not valid YAML"):
        Customers().read(context)
    (context.config.path.parent / "config" / "customers.yaml").write_bytes(b"customers: \xff")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        Customers().read(context)


def test_the_files_in_the_documents_are_such_files(context: ReadContext) -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    customers, mapping = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    write(context, "customers.yaml", customers)
    write(context, "mappings/one.yaml", mapping)
    assert Customers().read(context).frame.height == 5
    rules = mapping_rules(OrderMapping("one").read(context).frame)
    told = {rule.how for rule in rules}
    assert told == {"exact", "direct", "value_map", "customer_lookup", "sum", "concatenate"}
