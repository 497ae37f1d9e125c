"""Generated shipments: what was packed and shipped of the orders, with the noise of real scans.

A *parcel* is one line of what the audit combines from packed and shipped: the truth. Each has one
kind of noise, and is scanned into ``dbo.packed`` and ``dbo.shipped`` once or several times. What
becomes of an order line depends on the seed and on the line's row alone.

The noise is such that people would still know the line: within an order no two lines share a
colour, lines that lose their colour have a style of their own, and what was never ordered has
other numbers, styles and colours altogether.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.contracts.keys import name_key
from etl.contracts.orders_unified import SAMPLE_SIZES
from etl.samples._mixing import Draws, picked
from etl.samples._noise import alias, letters, name, null_words, spelling, typo, untidy
from etl.samples.customers import CUSTOMERS, UNKNOWN
from etl.samples.orders import SIZES

__all__ = ["NOISE", "packed", "parcels", "shipped", "truth"]

_TEXTS: Final = ("po_number", "alt_po", "style", "pattern", "color", "size")
_OF_KINDS: Final = 120
# Of so many parcels, how many are of a kind; the others are as they were ordered.
_SCANNED: Final = {"alias": 8, "spelling": 8, "null_words": 6, "several_scans": 8}
_CHANGED: Final = {
    "po_typo": 6, "style_typo": 6, "color_typo": 4, "po_and_style_typo": 2, "po_swapped": 4,
    "alt_po_only": 4, "po_in_alt_po": 2, "style_in_pattern": 4, "missing_style": 4,
    "missing_color": 4, "missing_pattern": 4, "unreadable": 1,
}  # fmt: skip
_KINDS: Final = {**_SCANNED, **_CHANGED}
_DRAWN: Final = tuple(kind for kind, count in _KINDS.items() for _ in range(count))
NOISE: Final = ("none", *_KINDS, "no_order", "unknown_customer")
"""All kinds of noise. An ``unreadable`` parcel is one that no rule should be sure of."""

_SCANS: Final = 3
_VOWELS: Final = "AEIOUY"
_OTHER_COLORS: Final = ("Assorted", "Mixed lot", "Returns", "Unsorted")
_SHORT: Final = 5
"""A colour of fewer letters has no typo: too little would be left of it."""


def parcels(lines: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Make what was packed and shipped of order lines, and what nobody ordered.

    Parameters
    ----------
    lines
        What :func:`etl.samples.orders.clean_lines` made.
    seed
        The same.

    Returns
    -------
    pl.DataFrame
        ``parcel``, its number; ``customer``, its place; the texts of the shipment without what
        single scans do to them; the order line as ``order_...``; ``noise``; ``packed_qty`` and
        ``shipped_qty``; ``due_date``.
    """
    draws = Draws(seed)
    made = _ordered(lines, draws)
    made = _with_noise(made, draws)
    return pl.concat([made, _never_ordered(lines, draws)], how="vertical").sort("parcel")


def _ordered(lines: pl.DataFrame, draws: Draws) -> pl.DataFrame:
    """A row a size of the lines that were shipped, with a second one where half came clean."""
    row = pl.col("row")
    left = lines.filter((pl.col("odd") == "") & (draws.below(100, row, "left") < 24))
    sizes = pl.concat(
        left.filter(pl.col(size) > 0).select(
            "row", "customer", "order_number", "due_date", "varied",
            *(text for text in _TEXTS if text != "size"),
            size=pl.lit(size), ordered=pl.col(size), number=row * len(SIZES) + at,
        )
        for at, size in enumerate(SIZES)
    )  # fmt: skip
    number = pl.col("number")
    kind = draws.below(_OF_KINDS, number, "noise")
    sizes = sizes.filter(draws.below(100, number, "left size") < 93).with_columns(
        noise=pl.when((kind < len(_DRAWN)) & ~pl.col("size").is_in(SAMPLE_SIZES))
        .then(picked(_DRAWN, kind)).otherwise(pl.lit("none")),
        quantity=_left(pl.col("ordered"), draws.of(number, "quantity")),
    )  # fmt: skip
    twice = (
        pl.col("noise").is_in(list(_CHANGED))
        & (draws.below(4, number, "twice") == 0)
        & (pl.col("quantity") > 1)
    )
    half = pl.col("quantity") // 2
    noisy = sizes.with_columns(quantity=pl.when(twice).then(half).otherwise(pl.col("quantity")))
    clean = sizes.filter(twice).with_columns(
        quantity=pl.col("quantity") - half, noise=pl.lit("none")
    )
    return pl.concat(
        [
            noisy.with_columns(parcel=number * 2),
            clean.with_columns(parcel=number * 2 + 1),
        ]
    )


def _left(ordered: pl.Expr, drawn: pl.Expr) -> pl.Expr:
    """What leaves of what was ordered: mostly all of it, at times less or more; never nothing."""
    of_hundred, share = drawn % 100, (drawn // 128 % 40 + 1).cast(pl.Int64)
    return (
        pl.when(of_hundred < 70).then(ordered)
        .when(of_hundred < 84).then(ordered - ordered * share // 100)
        .when(of_hundred < 94).then(ordered + ordered * share // 120 + 1)
        .otherwise(ordered - ordered * 3 // 100)
    )  # fmt: skip


def _with_noise(made: pl.DataFrame, draws: Draws) -> pl.DataFrame:
    """Do to the texts what the kinds say; a kind that finds nothing to change is none."""
    parcel, noise = pl.col("parcel"), pl.col("noise")
    known = (*CUSTOMERS, *UNKNOWN)
    own = picked([customer.style[0] for customer in known], pl.col("customer"))
    made = made.with_columns(
        *(pl.col(text).alias(f"order_{text}") for text in ("style", "color", "size")),
        pl.col("po_number").alias("order_po"),
        pl.when(pl.col("pattern").is_null()).then(pl.lit("style")).otherwise(own).alias("own"),
        # Many scanners know one number alone, whatever else the order had.
        pl.when(draws.below(2, parcel, "kept") == 0).then("alt_po").alias("kept"),
    ).with_columns(noise=pl.when(_possible()).then(noise).otherwise(pl.lit("none")))
    made = _with_typos(made, draws)
    po, alt, style = pl.col("po_number"), pl.col("alt_po"), pl.col("style")
    return made.with_columns(
        po_number=pl.when(noise.is_in(["po_swapped", "alt_po_only"])).then(alt)
        .when(noise == "unreadable").then(letters(draws.of(parcel, "unreadable"), _VOWELS, 8))
        .when(noise != "po_in_alt_po").then(po),
        alt_po=pl.when(noise.is_in(["po_swapped", "po_in_alt_po"])).then(po)
        .when(~noise.is_in(["alt_po_only", "unreadable"])).then("kept"),
        style=pl.when(~noise.is_in(["style_in_pattern", "missing_style"])).then(style),
        pattern=pl.when(noise == "style_in_pattern").then(style)
        .when(~noise.is_in(["missing_pattern", "missing_style"])).then("pattern"),
        color=pl.when(noise != "missing_color").then("color"),
    ).select(*_columns(draws))  # fmt: skip


def _possible() -> pl.Expr:
    """Whether a parcel has what its kind of noise changes."""
    noise = pl.col("noise")
    return (
        pl.when(noise.is_in(["po_swapped", "alt_po_only"])).then(pl.col("alt_po").is_not_null())
        .when(noise == "alias").then(pl.col("customer") < len(CUSTOMERS))
        .when(noise == "null_words").then(pl.col("kept").is_null() | pl.col("pattern").is_null())
        .when(noise == "color_typo").then(pl.col("color").str.len_chars() >= _SHORT)
        .when(noise == "missing_color").then(pl.col("varied"))
        .when(noise == "missing_pattern").then(pl.col("pattern").is_not_null())
        .otherwise(pl.lit(value=True))
    )  # fmt: skip


def _with_typos(made: pl.DataFrame, draws: Draws) -> pl.DataFrame:
    """Mistype numbers, colours, and what the customer calls its style; one number in six twice."""
    parcel, noise = pl.col("parcel"), pl.col("noise")
    styled = noise.is_in(["style_typo", "po_and_style_typo", "unreadable"])
    wanted = (
        ("po_number", "typo", noise.is_in(["po_typo", "po_and_style_typo"])),
        ("po_number", "second typo", (noise == "po_typo") & (draws.below(6, parcel, "twice") == 0)),
        ("style", "typo", styled & (pl.col("own") == "style")),
        ("pattern", "typo", styled & (pl.col("own") == "pattern")),
        ("style", "second typo", noise == "unreadable"),
        ("color", "typo", noise == "color_typo"),
    )
    for text, which, where in wanted:
        made = typo(made, text, draws.of(parcel, f"{which} {text}"), where)
    # A second typo can undo the first.
    undone = (noise == "po_typo") & (pl.col("po_number") == pl.col("order_po"))
    return made.with_columns(noise=pl.when(undone).then(pl.lit("none")).otherwise(noise))


def _columns(draws: Draws) -> list[pl.Expr]:
    """The columns of parcels: some were only packed yet, a few were shipped without being packed."""
    where = draws.below(20, pl.col("parcel"), "where")
    counted = pl.col("quantity").cast(pl.Int64)
    nothing = pl.lit(0, dtype=pl.Int64)
    return [
        pl.col("parcel", "customer", *_TEXTS),
        pl.col("order_number", "order_po", "order_style", "order_color", "order_size"),
        pl.col("noise", "due_date"),
        pl.when(where == 0).then(nothing).otherwise(counted).alias("packed_qty"),
        pl.when(where.is_in([1, 2])).then(nothing).otherwise(counted).alias("shipped_qty"),
    ]


def _never_ordered(lines: pl.DataFrame, draws: Draws) -> pl.DataFrame:
    """One parcel for every forty rows that nobody ordered, half of them for unknown customers."""
    row = pl.col("row")
    number = (row * len(SIZES) + len(SIZES) - 1) * 2 + 1
    stranger = draws.below(2, row, "stranger") == 0
    unknown = len(CUSTOMERS) + draws.below(len(UNKNOWN), row, "which stranger")
    made = lines.filter(draws.below(40, row, "never ordered") == 0).select(
        "due_date",
        customer=pl.when(stranger).then(unknown).otherwise(pl.col("customer")),
        parcel=number,
        noise=pl.when(stranger).then(pl.lit("unknown_customer")).otherwise(pl.lit("no_order")),
        po_number=letters(draws.of(row, "other po"), _VOWELS, 10),
        style=letters(draws.of(row, "other style"), _VOWELS, 7),
        color=picked(_OTHER_COLORS, draws.of(row, "other color")),
        size=picked(SIZES[: -len(SAMPLE_SIZES)], draws.of(row, "other size")),
        quantity=draws.below(90, row, "other quantity") + 1,
        **{
            name: pl.lit(None, dtype=pl.String)
            for name in (
                "alt_po", "pattern", "order_number", "order_po", "order_style", "order_color",
                "order_size",
            )
        },
    )  # fmt: skip
    return made.select(*_columns(draws))


def packed(made: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Scan parcels as the distribution centre does: the rows of ``dbo.packed``.

    >>> from etl.samples.orders import clean_lines
    >>> made = parcels(clean_lines(200))
    >>> packed(made)["quantity"].sum() == made["packed_qty"].sum()
    True
    """
    return _scanned(made, Draws(seed), "packed", days=-12)


def shipped(made: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Scan parcels as the warehouse does: the rows of ``dbo.shipped``."""
    return _scanned(made, Draws(seed), "shipped", days=-6)


def _scanned(made: pl.DataFrame, draws: Draws, what: str, *, days: int) -> pl.DataFrame:
    """A row a scan: the quantity in parts, and the texts as scanners and people write them."""
    noise, parcel = pl.col("noise"), pl.col("parcel")
    scans = pl.when(noise == "several_scans").then(_SCANS).otherwise(
        pl.when(draws.below(8, parcel, f"{what} scans") == 0).then(2).otherwise(1)
    )  # fmt: skip
    quantity = pl.col(f"{what}_qty")
    parts = pl.concat(
        made.with_columns(
            scan=parcel * _SCANS + scan,
            quantity=quantity // scans + (scan < quantity % scans).cast(pl.Int64),
        ).filter((pl.lit(scan) < scans) & (pl.col("quantity") > 0))
        for scan in range(_SCANS)
    ).sort("scan")
    scan, customer = pl.col("scan"), pl.col("customer")
    texts = {}
    for text in _TEXTS:
        drawn = draws.of(scan, f"{what} {text}")
        texts[text] = (
            pl.when(noise == "spelling").then(untidy(pl.col(text), drawn, of=6))
            .when(noise == "null_words").then(null_words(pl.col(text), drawn, of=2))
            .otherwise(pl.col(text))
        )  # fmt: skip
    named = draws.of(scan, f"{what} customer")
    return parts.select(
        pl.when(noise == "alias").then(alias(customer, named))
        .when(noise == "spelling").then(spelling(customer, named))
        .otherwise(name(customer)).alias("customer"),
        **texts,
        quantity=pl.col("quantity"),
        **{
            f"{what}_id": (scan + 1).cast(pl.Int64),
            f"{what}_on": pl.col("due_date")
            + pl.duration(days=draws.below(5, scan, f"{what} on").cast(pl.Int64) + days),
        },
    )  # fmt: skip


def truth(made: pl.DataFrame) -> pl.DataFrame:
    """Tell which order line each combined shipment belongs to: the rows of ``sample_audit_truth``.

    Parcels that the audit can't tell apart, since their texts are the same once cleaned, are one
    row.
    """
    names = [c.name for c in CUSTOMERS] + [name_key(c.name) for c in UNKNOWN]
    order = ("order_number", "order_po", "order_style", "order_color", "order_size")
    cleaned = (*_TEXTS, *order)
    rows = made.filter(~pl.col("size").is_in(SAMPLE_SIZES)).with_columns(
        pl.col(*cleaned).str.strip_chars().str.to_uppercase(),
        customer=picked(names, pl.col("customer")),
    )
    return (
        rows.group_by("customer", *cleaned, maintain_order=True)
        .agg(
            truth_id=pl.col("parcel").first().cast(pl.Int64) + 1,
            packed_qty=pl.col("packed_qty").sum(),
            shipped_qty=pl.col("shipped_qty").sum(),
            noise=pl.col("noise").first(),
        )
        .select(
            "truth_id", "customer", *_TEXTS, "packed_qty", "shipped_qty", *order, "noise"
        )
    )  # fmt: skip
