"""``customers.yaml``: who the customers are, and what else they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from etl.contracts.keys import name_key
from etl.io.rules._files import Rules, RulesEntry, checked

if TYPE_CHECKING:
    import polars as pl

    from etl.config.files import KeyPath

__all__ = ["CustomersFile", "customers_frame"]

Name = Annotated[str, Field(min_length=1, max_length=255)]


class CustomerEntry(RulesEntry):
    """A customer."""

    name: Name = Field(description="the name that tables and boards use")
    aliases: list[Name] = Field(
        default_factory=list, description="what else orders and shipments call it"
    )
    style: list[Literal["style", "pattern"]] = Field(
        default=["style"],
        min_length=1,
        description="the fields that hold the customer's style; the first that is filled counts",
    )


class CustomersFile(RulesEntry):
    """The customers."""

    customers: list[CustomerEntry]


def customers_frame(rules: Rules) -> pl.DataFrame:
    """Make the frame of all names; note each that stands for two customers, or is there twice."""
    import polars as pl

    from etl.contracts.customers import CustomerNames

    rows: list[tuple[str, str, str]] = []
    seen: dict[str, tuple[KeyPath, str, str]] = {}
    for at, customer in enumerate(checked(rules, CustomersFile).customers):
        here: KeyPath = ("customers", str(at))
        if len(set(customer.style)) < len(customer.style):
            rules.add((*here, "style"), "names a field twice")
        names = {(*here, "name"): customer.name}
        names |= {(*here, "aliases", str(i)): name for i, name in enumerate(customer.aliases)}
        for path, name in names.items():
            key = name_key(name)
            if not key:
                rules.add(path, "is nothing but white space")
            elif key in seen:
                rules.add(path, _twice(rules, name, customer.name, *seen[key]))
            else:
                seen[key] = (path, name, customer.name)
                rows.append((key, customer.name.strip(), ",".join(customer.style)))
    return pl.DataFrame(rows, schema=pl.Schema(CustomerNames), orient="row")


def _twice(rules: Rules, name: str, customer: str, path: KeyPath, before: str, other: str) -> str:
    alike = "" if name == before else f", as {before!r},"
    line = rules.line(path)
    if customer == other:
        return f"{name!r} is there already{alike} on line {line}: names are compared after NFKC and case folding; remove one"  # fmt: skip
    return (
        f"{name!r} is a name of {other!r} too{alike} on line {line}: a name belongs to one customer"
    )
