"""The invented customers of the samples, and how else orders and shipments write their names.

``config/customers.yaml`` says the same of them for the jobs.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CUSTOMERS", "SHARES", "UNKNOWN", "Customer", "spellings"]


@dataclass(frozen=True)
class Customer:
    """A customer: its canonical name, its aliases, and the fields that hold its style."""

    name: str
    aliases: tuple[str, ...] = ()
    style: tuple[str, ...] = ("style",)


_OWN_FIRST: Final = ("pattern", "style")
_STYLE_FIRST: Final = ("style", "pattern")

CUSTOMERS: Final = (
    Customer("Northwind Outfitters", ("Northwind", "NW Outfitters Inc."), _STYLE_FIRST),
    Customer("Café Lumière", ("Cafe Lumiere", "Lumière SARL", "Café Lumière Paris")),
    Customer("東京衣料", ("東京衣料株式会社", "トウキョウイリョウ", "Tokyo Iryo"), _OWN_FIRST),
    Customer("Söder & Söner", ("Soder & Soner", "Söder och Söner AB", "S&S"), _STYLE_FIRST),
    Customer("Blå Fjäll", ("Bla Fjall", "Blå Fjäll AS")),
    Customer("Großmann Wäsche", ("Grossmann Waesche", "Großmann GmbH"), _OWN_FIRST),
    Customer("Harbour & Pine", ("Harbor & Pine", "H&P Trading", "Harbour and Pine Ltd"), _STYLE_FIRST),
    Customer("Atelier Ombré", ("Atelier Ombre", "Ombré Studio")),
    Customer("Kestrel Ridge Apparel", ("Kestrel Ridge", "KRA"), _STYLE_FIRST),
    Customer("Casa Oliveira", ("Oliveira Lda.", "Casa Oliveira Têxtil")),
    Customer("Milk & Thistle", ("Milk and Thistle", "Thistle Kids")),
    Customer("Žitava Moda", ("Zitava Moda", "Žitava s.r.o."), _STYLE_FIRST),
    Customer("Sunlit Prairie", ("Sunlit Prairie Co.", "SP Retail", "SPC #4")),
    Customer("Olive Tin Kids", ("Olive Tin", "OTK"), _OWN_FIRST),
    Customer("Redwood Union", ("Redwood Union Workwear", "RU Workwear")),
    Customer("Ateş Tekstil", ("Ates Tekstil", "Ateş A.Ş."), _STYLE_FIRST),
    Customer("서울니트", ("서울니트(주)", "Seoul Knit")),
    Customer("Ελιάς Μόδα", ("Elias Moda", "Ελιάς ΑΕ"), _STYLE_FIRST),
    Customer("قطن الواحة", ("Oasis Cotton", "Wahat Cotton LLC")),
    Customer("Birch No. 9", ("Birch No9", "Birch Nine", "B9 Basics"), _STYLE_FIRST),
)  # fmt: skip

UNKNOWN: Final = (Customer("Zephyr Trading Post"), Customer("Pop-up Store 7"))
"""Customers that ``config/customers.yaml`` does not know."""

SHARES: Final = (18, 12, 10, 8, 7, 6, 5, 5, 4, 4, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1)
"""Orders in a hundred, of the customers and then the unknown ones."""

# What the names look like to a form with its own ideas of letters; NFKC makes them plain again.
_OTHER_FORMS: Final = {
    "東京衣料": "ﾄｳｷｮｳｲﾘｮｳ",
    "서울니트": "서울니트㈜",
    "Birch No. 9": "birch №9",
}


def spellings(customer: Customer) -> Sequence[str]:
    """Other ways to write the name that have the same key.

    >>> from etl.contracts.keys import name_key
    >>> {name_key(name) for name in spellings(Customer("Blå Fjäll"))}
    {'blå fjäll'}
    """
    name = customer.name
    wide = "".join(
        chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign.replace(" ", "\u3000")
        for sign in name
    )
    return (
        name.upper(),
        f" {name.lower()}\u00a0",
        _OTHER_FORMS.get(name, wide),
        f"{unicodedata.normalize('NFD', name).replace(' ', '   ')}\t",
    )
