"""How good the matching is, where the truth is known: for generated samples."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from etl.contracts.audit import AuditResults
from etl.contracts.samples import SampleAuditTruth
from etl.transforms.audit._parts import AFTER_ALL_TEXT, same_types
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require

__all__ = ["match_notes", "match_quality"]

_SHIPMENT: Final = ("customer", "po_number", "alt_po", "style", "pattern", "color", "size")
_LINE: Final = ("order_number", "order_po", "order_style", "order_color", "order_size")
_COUNTS: Final = ("matched", "right", "findable")


def match_quality(results: FrameT, truth: object) -> FrameT:
    """Count the shipments that were matched, matched to the true order line, and have one at all.

    Parameters
    ----------
    results
        Rows with the columns of :class:`~etl.contracts.audit.AuditResults`.
    truth
        Rows of :class:`~etl.contracts.samples.SampleAuditTruth`; of the same engine.

    Returns
    -------
    the type of ``results``
        One row: ``matched``, ``right``, ``findable``. The precision is right of matched, the recall
        right of findable. Shipments that the truth does not know count nowhere. No row where the
        truth is empty.

    Raises
    ------
    ContractError
        A column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> key = {name: "X" for name in (*_SHIPMENT, *_LINE)}
    >>> results = AuditResults.create_empty().clear(1).with_columns(
    ...     **{name: pl.lit(text) for name, text in key.items()}, match_type=pl.lit("EXACT")
    ... )
    >>> truth = SampleAuditTruth.create_empty().clear(1).with_columns(
    ...     pl.lit(text).alias(name) for name, text in key.items()
    ... )
    >>> match_quality(results, truth).rows()
    [(1, 1, 1)]
    """
    return on_any_engine(_match_quality, results, truth)


def match_notes(results: FrameT, truth: object) -> FrameT:
    """Tell precision and recall in a sentence: a frame with the column ``note``.

    Both are cut to four decimals. There is no row where the truth is empty.

    Examples
    --------
    >>> match_notes(AuditResults.create_empty(), SampleAuditTruth.create_empty()).height
    0
    """
    return on_any_engine(_match_notes, results, truth)


def _match_quality(results: Lazy, truth: Lazy) -> Lazy:
    require(results, AuditResults.column_names(), "match_quality, results")
    require(truth, SampleAuditTruth.column_names(), "match_quality, truth")
    matched = nw.col("match_type").is_in(["EXACT", "FUZZY"])
    found = same_types(results, AuditResults).filter(nw.col("match_type") != "UNFULFILLED")
    found = found.select(*_keys(_SHIPMENT), *_keys(_LINE), _matched=matched)
    # A shipment may have several true lines: what the audit can't tell apart is one shipment.
    true = same_types(truth, SampleAuditTruth).select(
        *_keys(_SHIPMENT),
        *(key.alias(f"_true_{name}") for key, name in zip(_keys(_LINE), _LINE, strict=True)),
        _findable=~nw.col("order_number").is_null(),
    )
    same = [nw.col(name) == nw.col(f"_true_{name}") for name in _LINE]
    pairs = found.join(true, on=list(_SHIPMENT), how="inner").with_columns(
        _right=nw.all_horizontal("_matched", "_findable", *same, ignore_nulls=True)
    )
    flags = {name: nw.col(f"_{name}").cast(nw.Int64) for name in _COUNTS}
    shipments = pairs.with_columns(**flags).group_by(*_SHIPMENT).agg(nw.col(*_COUNTS).max())
    sums = shipments.with_columns(all=nw.lit(1)).group_by("all").agg(nw.col(*_COUNTS).sum())
    return sums.select(nw.col(*_COUNTS).cast(nw.Int64))


def _keys(names: tuple[str, ...]) -> list[nw.Expr]:
    return [nw.col(name).fill_null(AFTER_ALL_TEXT) for name in names]


def _match_notes(results: Lazy, truth: Lazy) -> Lazy:
    counts = _match_quality(results, truth).filter(
        (nw.col("matched") > 0) & (nw.col("findable") > 0)
    )
    texts = {name: nw.col(name).cast(nw.String) for name in _COUNTS}
    return counts.select(
        note=nw.concat_str(
            nw.lit("matching: precision "), _ratio("matched"),
            nw.lit(", recall "), _ratio("findable"),
            nw.lit(" ("), texts["right"], nw.lit(" right of "), texts["matched"],
            nw.lit(" matched, "), texts["findable"], nw.lit(" in the sample's truth)"),
        )
    )  # fmt: skip


def _ratio(of: str) -> nw.Expr:
    """The share of what is right, of whole numbers: how a fraction is written differs."""
    parts = nw.col("right") * 10_000 // nw.col(of)
    whole = parts // 10_000
    rest = parts - whole * 10_000
    digits = rest.cast(nw.Int64).cast(nw.String).str.zfill(4)
    return nw.concat_str(whole.cast(nw.Int64).cast(nw.String), nw.lit("."), digits)
