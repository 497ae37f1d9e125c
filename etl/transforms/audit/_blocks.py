"""Fuzzy matching within blocks of one customer: every pair counts, few are looked at.

The score of a pair is a weighed mean of four parts: numbers, style, colour, size. Most pairs can't
reach the least score whatever is not known of them yet, so the parts are taken one after another:

1. styles and colours, of which a customer has few: each distinct pair of the shipments' against
   each of the lines';
2. the sizes of those pairs that can still reach it;
3. the numbers of what is then left, which is some of a thousand of all pairs.

A part is scored once for each pair of distinct texts. All of this is done in slices of at most
:data:`CELLS` pairs, so that memory does not grow with the block; and the best line of a shipment
does not depend on the slices, nor on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["CELLS", "LEAST_SCORE", "WEIGHTS", "match_blocks"]

WEIGHTS: Final = {"number": 3, "style": 3, "color": 2, "size": 2}
"""Tenths, as whole numbers: sums of scores without an error are without one."""
LEAST_SCORE: Final = 75.0
CELLS: Final = 2**21
"""Pairs that are in memory at once."""

_FIELDS: Final = ("po_number", "alt_po", "style_1", "style_2", "color", "size")
_PARTS: Final = {
    "number": ("po_number", "alt_po"),
    "style": ("style_1", "style_2"),
    "color": ("color",),
    "size": ("size",),
}
# The shipment's number and the line's, as they are tried; the names are MATCHED_PO's.
_NUMBER_PAIRS: Final = ((0, 0), (1, 1), (0, 1), (1, 0))
_DIGITS: Final = 9
"""Scores that differ after as many digits differ by the errors of floating point alone."""
_ABSENT: Final = -1.0


def match_blocks(
    rows: pl.DataFrame,
    *,
    least: float = LEAST_SCORE,
    cells: int = CELLS,
    workers: int = -1,
) -> pl.DataFrame:
    """Find the best order line of each shipment, within each block.

    The function knows nothing but its rows, so any engine can call it for some blocks at a time.

    Parameters
    ----------
    rows
        ``block``; ``side``, 0 for a shipment and 1 for an order line; ``place``, which tells the
        rows of a side apart, and of two equal lines the better one; ``po_number``, ``alt_po``,
        ``style_1``, ``style_2``, ``color`` and ``size``.
    least
        The score from which a pair is a match.
    cells
        How many pairs are in memory at once; the result does not depend on it.
    workers
        Threads that compare texts, -1 for as many as there are cores.

    Returns
    -------
    pl.DataFrame
        ``shipment``, ``line``, ``score``, ``match_score`` (to one decimal) and ``how`` (which numbers agree best, as a place in
        :data:`~etl.contracts.audit.MATCHED_PO`; -1 where a side has none), ordered by shipment.

    Examples
    --------
    >>> shipment = {"block": "Northwind", "po_number": "A-7001", "alt_po": None, "style_1": "LS1"}
    >>> shipment |= {"style_2": None, "color": "NAVY", "size": "M"}
    >>> rows = [{**shipment, "side": 0, "place": 1}, {**shipment, "side": 1, "place": 5}]
    >>> rows.append({**shipment, "side": 1, "place": 4, "po_number": "A-7010", "alt_po": "A-7"})
    >>> match_blocks(pl.DataFrame(rows, schema_overrides={"style_2": pl.String})).rows()
    [(1, 5, 100.0, 100.0, 0)]
    """
    found = [_nothing()]
    for block in rows.filter(pl.col("block").is_not_null()).partition_by("block"):
        shipments, lines = (block.filter(pl.col("side") == side) for side in (0, 1))
        if shipments.height and lines.height:
            found.append(_Block(_Side.of(shipments), _Side.of(lines), least, cells, workers).best())
    return pl.concat(found).sort("shipment")


def _nothing() -> pl.DataFrame:
    whole, score = pl.Int64(), pl.Float64()
    types = {"shipment": whole, "line": whole, "score": score, "match_score": score, "how": whole}
    return pl.DataFrame(schema=types)


@dataclass(frozen=True)
class _Side:
    """The rows of a side: texts as places among the distinct texts of the part, -1 for none."""

    place: Ints
    codes: dict[str, Ints]
    texts: dict[str, list[str]]
    """The distinct texts of each part, with their words in order."""

    @classmethod
    def of(cls, rows: pl.DataFrame) -> _Side:
        codes, texts = {}, {}
        for part, fields in _PARTS.items():
            columns = [rows[field].cast(pl.String).rename(part) for field in fields]
            known = pl.concat(columns).drop_nulls().unique().sort()
            texts[part] = [" ".join(sorted(text.split())) for text in known]
            coded = pl.DataFrame({part: known, "code": pl.int_range(known.len(), eager=True)})
            for field, column in zip(fields, columns, strict=True):
                found = column.to_frame().join(coded, on=part, how="left", maintain_order="left")
                codes[field] = found["code"].fill_null(-1).to_numpy()
        return cls(rows["place"].cast(pl.Int64).to_numpy(), codes, texts)


@dataclass(frozen=True)
class _Groups:
    """Rows in groups: those of group ``g`` are ``rows[starts[g]:starts[g] + counts[g]]``."""

    codes: Ints
    """What the groups have in common: a row a group, a column a field."""
    rows: Ints
    starts: Ints
    counts: Ints

    @classmethod
    def of(cls, codes: Ints) -> _Groups:
        """Group rows with equal codes."""
        common, which = np.unique(codes, axis=0, return_inverse=True)
        counts = np.bincount(which.reshape(-1), minlength=len(common))
        rows = np.argsort(which.reshape(-1), kind="stable")
        return cls(common, rows, np.cumsum(counts) - counts, counts)


class _Likeness:
    """How alike the texts of a part are, by their places among the distinct texts of each side.

    All pairs are computed at once where there are few, else those that are asked for.
    """

    def __init__(self, part: str, ours: _Side, theirs: _Side, cells: int, workers: int) -> None:
        self._ours, self._theirs = ours.texts[part], theirs.texts[part]
        self._workers = workers
        few = len(self._ours) * len(self._theirs) <= cells
        self._all = self._computed(np.arange(len(self._ours))) if few else None

    def rows(self, ours: Ints) -> Floats:
        """Compare some of our texts with all of theirs; a last row and column stand for no text."""
        if self._all is None:
            return self._computed(ours)
        found: Floats = self._all[np.append(ours, -1)]
        return found

    def _computed(self, ours: Ints) -> Floats:
        from rapidfuzz import fuzz, process

        found = np.full((len(ours) + 1, len(self._theirs) + 1), _ABSENT)
        if len(ours) and self._theirs:
            found[:-1, :-1] = process.cdist(
                [self._ours[at] for at in ours],
                self._theirs,
                scorer=fuzz.ratio,
                dtype=np.float64,
                workers=self._workers,
            )
        return found

    def of_pairs(self, ours: Ints, theirs: Ints) -> Floats:
        """Compare texts pair by pair; a place of -1 is no text."""
        if self._all is not None:
            found: Floats = self._all[ours, theirs]
            return found
        from rapidfuzz import fuzz, process

        found = np.full(len(ours), _ABSENT)
        there = np.flatnonzero((ours >= 0) & (theirs >= 0))
        width = len(self._theirs)
        pairs, which = np.unique(ours[there] * width + theirs[there], return_inverse=True)
        if len(pairs):
            likeness = process.cpdist(
                [self._ours[pair // width] for pair in pairs.tolist()],
                [self._theirs[pair % width] for pair in pairs.tolist()],
                scorer=fuzz.ratio,
                dtype=np.float64,
                workers=self._workers,
            )
            found[there] = likeness[which]
        return found


@dataclass(frozen=True)
class _Sum:
    """What the parts known so far add to a score, and how much they weigh."""

    points: Floats
    weight: Floats

    def plus(self, part: str, likeness: Floats) -> _Sum:
        """Add a part, where there is a likeness."""
        there = likeness >= 0
        weight = WEIGHTS[part]
        return _Sum(
            self.points + np.where(there, weight * likeness, 0.0), self.weight + weight * there
        )

    def can_reach(self, least: float, unknown: float) -> NDArray[np.bool_]:
        """Whether the score can still be enough, all that is not known being alike."""
        bound = least - 10.0**-_DIGITS
        reach: NDArray[np.bool_] = self.points + 100.0 * unknown >= bound * (self.weight + unknown)
        return reach

    def at(self, which: Any) -> _Sum:
        """The sums of some pairs."""
        return _Sum(self.points[which], self.weight[which])

    def score(self) -> Floats:
        """The scores; -1 where the sides have nothing that could be compared."""
        mean = self.points / np.maximum(self.weight, 1.0)
        return np.where(self.weight > 0, np.round(mean, _DIGITS), _ABSENT)


class _Block:
    """The shipments and order lines of one customer."""

    def __init__(self, ours: _Side, theirs: _Side, least: float, cells: int, workers: int) -> None:
        self._ours, self._theirs = ours, theirs
        self._least, self._cells = least, cells
        self._likeness = {part: _Likeness(part, ours, theirs, cells, workers) for part in _PARTS}
        looks = ("style_1", "style_2", "color")
        sized = [_Groups.of(_stacked(side, *looks, "size")) for side in (ours, theirs)]
        self._sized = sized[0], sized[1]
        self._looks = _Groups.of(sized[0].codes[:, :-1]), _Groups.of(sized[1].codes[:, :-1])
        self._score = np.full(len(ours.place), _ABSENT)
        self._line = np.full(len(ours.place), -1)
        self._how = np.full(len(ours.place), -1)

    def best(self) -> pl.DataFrame:
        """The best line of each shipment that has one."""
        for ours, theirs, known in self._alike():
            for sized_ours, sized_theirs, of in _pairs_of(*self._looks, ours, theirs, self._cells):
                sizes = [
                    groups.codes[which, -1]
                    for groups, which in zip(self._sized, (sized_ours, sized_theirs), strict=True)
                ]
                total = known.at(of).plus("size", self._likeness["size"].of_pairs(*sizes))
                left = np.flatnonzero(total.can_reach(self._least, WEIGHTS["number"]))
                self._rows(sized_ours[left], sized_theirs[left], total.at(left))
        found = np.flatnonzero(self._line >= 0)
        return pl.DataFrame(
            {
                "shipment": self._ours.place[found],
                "line": self._line[found],
                "score": self._score[found],
                "match_score": np.floor(self._score[found] * 10 + 0.5) / 10,
                "how": self._how[found],
            },
            schema=_nothing().schema,
        )

    def _alike(self) -> Iterator[tuple[Ints, Ints, _Sum]]:
        """Pairs of looks, style and colour, that are alike enough if all else is the same."""
        ours, theirs = (groups.codes for groups in self._looks)
        height = max(1, self._cells // len(theirs))
        unknown = WEIGHTS["size"] + WEIGHTS["number"]
        for start in range(0, len(ours), height):
            part = ours[start : start + height]
            style = self._dense("style", part[:, :2], theirs[:, :2])
            color = self._dense("color", part[:, 2:], theirs[:, 2:])
            none = np.zeros_like(style)
            known = _Sum(none, none).plus("style", style).plus("color", color)
            left = np.nonzero(known.can_reach(self._least, unknown))
            yield left[0] + start, left[1], known.at(left)

    def _dense(self, part: str, ours: Ints, theirs: Ints) -> Floats:
        """The likeness of the best pair of fields, of each of our rows with each of theirs."""
        texts = np.unique(ours[ours >= 0])
        table = self._likeness[part].rows(texts)
        places = np.where(ours >= 0, np.searchsorted(texts, ours), len(texts))
        best: Floats | None = None
        for our in places.T:
            for their in theirs.T:
                if (their < 0).all():
                    continue
                likeness = table[our][:, their]
                best = likeness if best is None else np.maximum(best, likeness)
        return np.full((len(ours), len(theirs)), _ABSENT) if best is None else best

    def _rows(self, sized_ours: Ints, sized_theirs: Ints, known: _Sum) -> None:
        """Compare the numbers of the rows of pairs, and keep the best line of each shipment."""
        for ours, theirs, of in _pairs_of(*self._sized, sized_ours, sized_theirs, self._cells):
            numbers = np.stack(
                [
                    self._likeness["number"].of_pairs(
                        self._ours.codes[_PARTS["number"][our]][ours],
                        self._theirs.codes[_PARTS["number"][their]][theirs],
                    )
                    for our, their in _NUMBER_PAIRS
                ]
            )
            how = numbers.argmax(axis=0)
            likeness = numbers[how, np.arange(len(how))]
            score = known.at(of).plus("number", likeness).score()
            hits = np.flatnonzero(score >= self._least)
            self._keep(
                ours[hits], theirs[hits], score[hits], np.where(likeness >= 0, how, -1)[hits]
            )

    def _keep(self, ours: Ints, theirs: Ints, score: Floats, how: Ints) -> None:
        line = self._theirs.place[theirs]
        order = np.lexsort((line, -score, ours))
        first = order[np.unique(ours[order], return_index=True)[1]]
        row, line, score, how = ours[first], line[first], score[first], how[first]
        better = (score > self._score[row]) | (
            (score == self._score[row]) & (line < self._line[row])
        )
        row = row[better]
        self._score[row], self._line[row] = score[better], line[better]
        self._how[row] = how[better]


def _stacked(side: _Side, *fields: str) -> Ints:
    return np.stack([side.codes[field] for field in fields], axis=1)


def _pairs_of(
    ours: _Groups, theirs: _Groups, of_ours: Ints, of_theirs: Ints, cells: int
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """All pairs of rows of pairs of groups, at most so many at once, and which pair they are of."""
    across = theirs.counts[of_theirs]
    counts = ours.counts[of_ours] * across
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, total, cells):
        flat = np.arange(start, min(start + cells, total))
        of = np.searchsorted(ends, flat, side="right")
        down, right = np.divmod(flat - (ends - counts)[of], across[of])
        yield (
            ours.rows[ours.starts[of_ours[of]] + down],
            theirs.rows[theirs.starts[of_theirs[of]] + right],
            of,
        )
