"""Generated orders: the wide rows of ``dbo.orders_unified``, of any number, always the same.

Row ``i`` depends on the seed and on ``i`` alone. Rows come in blocks of twelve that hold six
purchase orders; the last row of a block is where the odd ones stand: rows that are there twice,
rows of one key that differ, rows without a part of their key.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import dataframely as dy
import polars as pl

from etl.contracts.orders_unified import SAMPLE_SIZES, OrdersUnified, with_sizes
from etl.samples._mixing import Draws, picked
from etl.samples._noise import letters, null_words, untidy, written_name
from etl.samples.customers import CUSTOMERS, SHARES, UNKNOWN

__all__ = ["CONSONANTS", "ODD_KINDS", "SIZES", "clean_lines", "orders_unified"]

_LETTER_SIZES: Final = ("XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL")
_NUMBER_SIZES: Final = tuple(str(size) for size in range(0, 21, 2))
_CUP_SIZES: Final = ("32C", "32D", "32DD", "34D")
_SCALES: Final = (*(_LETTER_SIZES,) * 5, *(_NUMBER_SIZES,) * 3, _CUP_SIZES, ("ONE SIZE",))
SIZES: Final = (*_LETTER_SIZES, *_NUMBER_SIZES, *_CUP_SIZES, "ONE SIZE", *SAMPLE_SIZES)
"""The size columns, in their order."""

# Six orders in twelve rows: the order of each row, the row's place in it, and how many it has.
_BLOCK: Final = 12
_SLOTS: Final = (0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 4, 5)
_LINES: Final = (0, 1, 2, 0, 0, 1, 2, 3, 0, 1, 0, 0)
_OF_LINES: Final = (3, 3, 3, 1, 4, 4, 4, 4, 2, 2, 1, 1)

ODD_KINDS: Final = (
    "copy", "copy", "differs", "differs", "no_order_number", "null_word_style", "empty_color",
    "no_color", "no_customer", *("",) * 7,
)  # fmt: skip
"""What the last rows of blocks are, in turn; those without a kind are like all others."""

CONSONANTS: Final = "BCDFGHJKLMNPRSTV"
_PREFIXES: Final = ("LS", "RP", "WM", "DJ", "TS", "KN", "TR", "AP", "SK", "BL", "CO", "VE")
_MARKS: Final = {7: "绣", 23: "🧵", 31: "=", 41: "@", 43: "-"}
"""What the codes of a few styles begin with: CJK, emoji, and what a spreadsheet would compute."""
_STYLES: Final = 400
_DESCRIPTIONS: Final = (
    "Linen shirt", "Rain parka 🌧️", "Wollmütze", "绣花连衣裙", "Trail short", "Denim jacket – raw",
    "Kids' tee, 3-pack", "Boxy knit 👩‍🎨", "قميص قطني", "=1+1", "@home lounge set", "+size tee",
)  # fmt: skip
_COLORS: Final = (
    "Black", "Optic White", "Midnight Navy", "Charcoal", "Heather Grey", "Burgundy", "Forest Green",
    "Camel", "Dusty Rose", "Teal", "Mustard", "Lavender", "Cobalt", "Terracotta", "Écru", "Rouge 🔴",
    "墨绿", "Sky Blue", "Chocolate", "Olive", "Pistachio", "Silver Fog", "Coral",
)  # fmt: skip
_SEASONS: Final = ("SS26", "FW26", "春夏26", "Resort 26", "SS26", "FW26", "None")
_TYPES: Final = ("Bulk", "Bulk", "Reorder", "Pre-book", " ", "Bulk")
_DESTINATIONS: Final = ("Rotterdam DC", "Łódź", "横浜倉庫", "Newark, NJ", "nan", "Porto – quay 4")
_FIRST_DAY: Final = dt.date(2025, 9, 1)


def clean_lines(rows: int, seed: int = 0) -> pl.DataFrame:
    """Make the order lines as they would be if nobody made mistakes.

    Parameters
    ----------
    rows
        How many wide rows.
    seed
        Another seed, other orders.

    Returns
    -------
    pl.DataFrame
        ``row``; ``source``, another row where this one is its copy; ``odd``, one of
        :data:`ODD_KINDS`; ``customer``, the place of the customer in
        ``(*CUSTOMERS, *UNKNOWN)``; the texts of the order; ``varied``, whether each line has a style
        of its own; and a column a size.

    Examples
    --------
    >>> clean_lines(40, seed=7).head(5).equals(clean_lines(5, seed=7))
    True
    """
    draws = Draws(seed)
    lines = pl.DataFrame({"row": pl.int_range(rows, dtype=pl.UInt64, eager=True)})
    block = pl.col("row") // _BLOCK
    last = pl.col("row") % _BLOCK == _BLOCK - 1
    turn = block + draws.one(0, "odd") % len(ODD_KINDS)
    lines = lines.with_columns(
        odd=pl.when(last).then(picked(ODD_KINDS, turn)).otherwise(pl.lit("")),
    ).with_columns(source=pl.col("row") - pl.col("odd").is_in(["copy", "differs"]).cast(pl.UInt64))
    place = pl.col("source") % _BLOCK
    lines = lines.with_columns(
        order=(pl.col("source") // _BLOCK) * 6 + picked(_SLOTS, place).cast(pl.UInt64),
        line=picked(_LINES, place).cast(pl.UInt64),
        single=picked(_OF_LINES, place) == 1,
    )
    lines = lines.with_columns(_of_orders(draws)).with_columns(
        _alternative(draws),
        varied=pl.col("single") | (draws.below(2, pl.col("order"), "varied") == 0),
    )
    lines = lines.with_columns(**_of_lines(draws)).with_columns(**_codes(draws))
    return lines.with_columns(_quantities(draws))


def _of_orders(draws: Draws) -> list[pl.Expr]:
    order = pl.col("order")
    shares = [customer for customer, share in enumerate(SHARES) for _ in range(share)]
    customer = picked(shares, draws.of(order, "customer")).cast(pl.UInt64)
    number = draws.of(order, "po")
    eight = (number % 10**8).cast(pl.String).str.zfill(8)
    written = [pl.format(form, eight) for form in ("45{}", "PO-{}", "7{}", "PO {}")]
    po = pl.coalesce(pl.when(customer % 4 == form).then(text) for form, text in enumerate(written))
    received = pl.lit(_FIRST_DAY) + pl.duration(days=draws.below(400, order, "received"))
    due = received + pl.duration(days=30 + draws.below(120, order, "due"))
    return [
        (order + 100_000).cast(pl.String).str.replace("^", "SO").alias("order_number"),
        customer.alias("customer"),
        po.alias("po_number"),
        received.alias("received_date"),
        due.alias("due_date"),
        picked(_SEASONS, draws.of(order, "season")).alias("season"),
        picked(_TYPES, draws.of(order, "type")).alias("order_type"),
        picked(_DESTINATIONS, draws.of(order, "destination")).alias("destination"),
    ]


def _alternative(draws: Draws) -> pl.Expr:
    """Every other order has a number of the customer's own, of letters only."""
    drawn = draws.of(pl.col("order"), "alt_po")
    return pl.when(drawn % 2 == 0).then(letters(drawn // 2, CONSONANTS, 8)).alias("alt_po")


def _of_lines(draws: Draws) -> dict[str, pl.Expr]:
    """Styles and colours: no two lines of an order share a colour; some share their style."""
    order, line = pl.col("order"), pl.col("line")
    step = pl.when("varied").then(line * 37).otherwise(0)
    return {
        "style_index": (draws.of(order, "style") % _STYLES + step) % _STYLES,
        "color": picked(_COLORS, draws.of(order, "color") % len(_COLORS) + line * 5),
    }


def _codes(draws: Draws) -> dict[str, pl.Expr]:
    """A style's codes, ours and the customer's own, and what else is one for a style."""
    style = pl.col("customer") * _STYLES + pl.col("style_index")
    number = draws.of(style, "style")
    marks = [_MARKS.get(place, "") for place in range(50)]
    digits = (number // 64 % 10**5).cast(pl.String).str.zfill(5)
    known = (*CUSTOMERS, *UNKNOWN)
    share = picked([{"pattern": 6, "style": 2}[c.style[0]] for c in known], pl.col("customer"))
    has_pattern = draws.below(6, style, "has pattern").cast(pl.Int64) < share
    return {
        "style": pl.concat_str(
            picked(marks, pl.col("style_index")), picked(_PREFIXES, number), digits
        ),
        "pattern": pl.when(has_pattern).then(letters(draws.of(style, "pattern"), CONSONANTS, 6)),
        "style_description": picked(_DESCRIPTIONS, draws.of(style, "description")),
        "unit_price": (
            (draws.below(9000, style, "price") + 495).cast(pl.Decimal(12, 2)) / 100
        ).cast(pl.Decimal(12, 2)),
        "scale": draws.below(len(_SCALES), style, "scale"),
    }


def _quantities(draws: Draws) -> list[pl.Expr]:
    """A column a size: null outside the style's scale, often nothing, at least one size of some."""
    # Copies are copies; of rows that differ, this is what differs.
    row = pl.when(pl.col("odd") == "differs").then(pl.col("row")).otherwise(pl.col("source"))
    made = []
    for size in SIZES:
        if size in SAMPLE_SIZES:
            few = draws.below(30, row, size)
            made.append(pl.when(few < 3).then(few + 1).cast(pl.Int64).alias(size))
            continue
        drawn = draws.of(row, size)
        counted = pl.when(drawn % 100 < 38).then(drawn // 128 % 288 + 1).otherwise(0)
        always = draws.of(row, "first size")
        places = [scale.index(size) if size in scale else -1 for scale in _SCALES]
        ours = picked(places, pl.col("scale")).cast(pl.Int64)
        long = picked([len(scale) for scale in _SCALES], pl.col("scale")).cast(pl.UInt64)
        sure = pl.max_horizontal(counted, drawn // 128 % 288 + 1)
        value = pl.when((always % long).cast(pl.Int64) == ours).then(sure).otherwise(counted)
        made.append(pl.when(ours >= 0).then(value).cast(pl.Int64).alias(size))
    return made


def orders_unified(lines: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Write order lines as customers send them: the rows of ``dbo.orders_unified``.

    Parameters
    ----------
    lines
        What :func:`clean_lines` made.
    seed
        The same.

    Returns
    -------
    pl.DataFrame
        A row a line. Names are aliases or oddly spelled, texts have white space and other
        cases, nulls are words, totals are not always the sum, parts of keys are missing.

    Examples
    --------
    >>> made = orders_unified(clean_lines(3))
    >>> made.columns[:3], made.columns[-3:]
    (['ORDER NUMBER', 'CUSTOMER NAME', 'PO NUMBER'], ['ONE SIZE', 'SMS', 'TOTAL QTY'])
    """
    draws, source, odd = Draws(seed), pl.col("source"), pl.col("odd")
    ordered = pl.sum_horizontal(size for size in SIZES if size not in SAMPLE_SIZES)
    drawn = draws.of(source, "reported")
    reported = (
        pl.when(drawn % 100 < 3).then(ordered + (drawn // 128 % 40).cast(pl.Int64) + 1)
        .when(drawn % 100 < 5).then(ordered + pl.col("SMS").fill_null(0))
        .when(drawn % 100 > 5).then(ordered)
    )  # fmt: skip
    texts = {
        "order_number": pl.when(odd != "no_order_number").then(pl.col("order_number")),
        "customer": pl.when(odd == "no_customer").then(pl.lit("nan")).otherwise(
            written_name(pl.col("customer"), draws.of(pl.col("order"), "name"))
        ),
        "po_number": untidy(pl.col("po_number"), draws.of(source, "untidy po")),
        "alt_po": null_words(pl.col("alt_po"), draws.of(source, "null alt po")),
        "style": pl.when(odd == "null_word_style").then(pl.lit("None")).otherwise(
            untidy(pl.col("style"), draws.of(source, "untidy style"))
        ),
        "pattern": null_words(pl.col("pattern"), draws.of(source, "null pattern")),
        "color": pl.when(odd == "empty_color").then(pl.lit("")).when(odd != "no_color").then(
            untidy(pl.col("color"), draws.of(source, "untidy color"))
        ),
        "due_date": pl.when(odd == "differs").then(pl.col("due_date").dt.offset_by("7d"))
        .otherwise(pl.col("due_date")),
        "unit_of_measure": pl.lit("EA"),
        "total_qty": reported.cast(pl.Int64),
    }  # fmt: skip
    made = lines.with_columns(**texts)
    ours = {
        column.alias: name
        for name, column in vars(OrdersUnified).items()
        if isinstance(column, dy.Column)
    }
    return made.select(
        pl.col(ours.get(name, name)).alias(name) for name in with_sizes(SIZES).column_names()
    )
