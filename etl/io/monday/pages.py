"""All items of a board: page after page, complete or not at all.

The next page is fetched while the current one is decoded. An expired cursor, or fewer items than
the board counts, starts the read again from the first page, and what was read is dropped.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import SourceError
from etl.io.monday.boards import count, expected_shape, one_board
from etl.io.monday.cells import decode_page, finish
from etl.io.monday.documents import first_page, next_page
from etl.io.monday.errors import Failure
from etl.io.monday.limits import FormulaQuota
from etl.io.source import silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.io.monday.cells import WantedColumn
    from etl.io.monday.client import MondayClient
    from etl.io.source import Progress

__all__ = ["FORMULA_COLUMNS", "FORMULA_VALUES", "PAGE_ITEMS", "BoardItems", "read_items"]

PAGE_ITEMS: Final = 500
"""The most that monday gives in one page."""
FORMULA_COLUMNS: Final = 5
"""The most formula columns that one request may ask for."""
FORMULA_VALUES: Final = 10_000
"""The most formula values a minute; past that they come as ""."""

_RESTARTS: Final = 2
_EMPTY_PAGES: Final = 3
# Fewer formulas than these may well be empty by themselves, at the end of a page.
_SUSPICIOUS: Final = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BoardItems:
    """The items of a board, typed, and what was noticed while reading them."""

    frame: pl.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Page:
    items: list[Any]
    cursor: str | None
    expected: int | None


@dataclass(frozen=True)
class _Pass:
    """One run over all pages: the rows, and how many the board said it has."""

    rows: pl.DataFrame
    expected: int | None
    with_cells: frozenset[str]


def read_items(
    client: MondayClient,
    board_id: str,
    wanted: Sequence[WantedColumn],
    *,
    limit: int | None = None,
    progress: Progress = silent,
    formula_values: int | None = FORMULA_VALUES,
    parents: bool = False,
) -> BoardItems:
    """Read every item of a board, or raise: never a part of it.

    Parameters
    ----------
    client
        An open client.
    board_id
        The board.
    wanted
        The columns to read, at most five of them formulas.
    limit
        Read at most this many items, in small pages, and do not compare with the board's count.
    progress
        Called after each page.
    formula_values
        How many formula values a minute may hold; None for a server without that quota.
    parents
        The items are subitems: read each one's parent too, as ``parent_item_id``.

    Returns
    -------
    BoardItems
        One row an item, in the order in which monday gave them; an item that came twice is there
        once, as it came the second time.

    Raises
    ------
    SourceError
        A page failed, the cursor expired again and again, items are missing, a cell has an
        unknown shape, or formulas came back empty past their quota.

    Notes
    -----
    An empty formula and one past the quota look the same. Pages therefore wait until they fit into
    the minute. The quota is the account's, though, and others may use it up. So once more values
    were read than the quota holds, a page whose last 100 formulas or more are all empty, although
    earlier ones were not, is taken for one that was cut off, and is an error. Formulas that are
    empty before that, or in between, are believed.
    """
    formulas = {column.column_id for column in wanted if column.type == "formula"}
    if len(formulas) > FORMULA_COLUMNS:
        raise SourceError(
            f"board {board_id}: {len(formulas)} formula columns are asked for "
            f"({', '.join(sorted(formulas))}), and monday.com gives at most {FORMULA_COLUMNS} in a "
            "request: map fewer of them"
        )
    pager = _Pager(
        client, board_id, wanted, limit=limit, formula_values=formula_values, parents=parents
    )
    found, notes = _complete(pager, progress)
    frame, odd = finish(found.rows, wanted)
    absent = [
        f"no item had a cell of board column {column_id!r}: it is null throughout"
        for column_id in dict.fromkeys(column.column_id for column in wanted)
        if frame.height and column_id not in found.with_cells
    ]
    return BoardItems(frame=frame, notes=(*notes, *odd, *absent))


def _complete(pager: _Pager, progress: Progress) -> tuple[_Pass, list[str]]:
    """Run until a pass has all items, within the bounds of starting again."""
    restarts, fell_short = 0, False
    while True:
        found = pager.run(progress)
        if found is None:
            restarts += 1
            if restarts > _RESTARTS:
                raise SourceError(
                    f"board {pager.board_id}: the cursor expired {restarts} times before the last "
                    "page; a cursor lives 60 minutes from the first one. Run it again later, when "
                    "monday.com answers faster, or map fewer columns"
                )
            _log.warning("board %s: the cursor expired, starting again", pager.board_id)
            continue
        items = found.rows.unique("item_id", keep="last", maintain_order=True)
        notes = []
        if items.height < found.rows.height:
            notes.append(
                f"{found.rows.height - items.height} items came more than once while the board was "
                "read (it was changed meanwhile): the later one counts"
            )
        if pager.limit is not None:
            items = items.head(pager.limit)
        elif found.expected is None:
            notes.append("monday.com gave no items_count: that all items came rests on the cursor")
        elif items.height > found.expected:
            notes.append(
                f"the board counted {found.expected} items and gave {items.height}: it grew "
                "while it was read"
            )
        elif items.height < found.expected:
            if fell_short:
                raise SourceError(
                    f"board {pager.board_id} is said to have {found.expected} items, but only "
                    f"{items.height} came, twice: nothing was loaded. The token's user may not see "
                    "every item, or monday.com is still updating its count: run it again later"
                )
            fell_short = True
            _log.warning(
                "board %s: %d of %d items came, reading again",
                pager.board_id,
                items.height,
                found.expected,
            )
            continue
        return _Pass(items, found.expected, found.with_cells), notes


class _Pager:
    """Fetches and decodes pages; the columns asked for stay the same throughout."""

    def __init__(
        self,
        client: MondayClient,
        board_id: str,
        wanted: Sequence[WantedColumn],
        *,
        limit: int | None,
        formula_values: int | None,
        parents: bool,
    ) -> None:
        self.board_id, self.limit, self._parents = board_id, limit, parents
        self._client, self._wanted = client, wanted
        asked = [column.asked for column in wanted if column.asked[1]]
        self._first, self._next = (make(asked, parents=parents) for make in (first_page, next_page))
        self._variables: dict[str, Any] = {
            "limit": PAGE_ITEMS if limit is None else max(1, min(limit, PAGE_ITEMS))
        }
        if asked:
            self._variables["columns"] = list(
                dict.fromkeys(column.column_id for column in wanted if column.asked[1])
            )
        self._formula_values = formula_values
        self._formulas = {column.column_id for column in wanted if column.type == "formula"}
        # Only here can an empty value mean that the quota was used up.
        self._formula_names = [
            column.name
            for column in wanted
            if column.type == "formula" and column.part == "display_value"
        ]
        self._quota = (
            None
            if formula_values is None or not self._formulas
            else FormulaQuota(clock=client.clock, values=formula_values)
        )

    def run(self, progress: Progress) -> _Pass | None:
        """Read all pages once; None if the cursor expired on the way."""
        frames = [decode_page([], self._wanted, parents=self._parents)]
        expected: int | None = None
        wanted, with_cells = set(self._variables.get("columns", ())), set[str]()
        done = formulas = empty_pages = 0
        filled = False
        for page in self._pages():
            if page is None:
                return None
            if len(frames) == 1:
                expected = page.expected
            frame = decode_page(page.items, self._wanted, parents=self._parents)
            frames.append(frame)
            if wanted - with_cells:
                sent = {cell["id"] for item in page.items for cell in item["column_values"]}
                with_cells |= sent & wanted
            done += frame.height
            empty_pages = 0 if frame.height else empty_pages + 1
            if empty_pages > _EMPTY_PAGES:
                raise SourceError(
                    f"board {self.board_id}: monday.com keeps sending empty pages and no end: "
                    "run it again later"
                )
            formulas += frame.height * len(self._formula_names)
            filled = self._believe(frame, formulas, filled=filled)
            total = expected if self.limit is None else self.limit
            progress(f"board {self.board_id}", done, total)
        return _Pass(pl.concat(frames), expected, frozenset(with_cells))

    def _believe(self, frame: pl.DataFrame, formulas: int, *, filled: bool) -> bool:
        """Refuse a page whose formulas the quota has cut off (see the notes of read_items)."""
        if self._formula_values is None or not self._formula_names or frame.is_empty():
            return filled
        some = frame.select(pl.any_horizontal(pl.col(self._formula_names).is_not_null()))
        with_some = some.to_series().arg_true()
        filled = filled or not with_some.is_empty()
        tail = frame.height if with_some.is_empty() else frame.height - 1 - with_some[-1]
        cut_off = tail * len(self._formula_names)
        if filled and formulas > self._formula_values and cut_off >= _SUSPICIOUS:
            raise SourceError(
                f"board {self.board_id}: the formula columns {', '.join(self._formula_names)} came "
                f"back empty from value {formulas - cut_off} on; monday.com gives "
                f"{self._formula_values} a minute to an account, and nothing past that. Nothing was "
                "loaded: run it again when less else reads formulas, or map fewer of them"
            )
        return filled

    def _pages(self) -> Iterator[_Page | None]:
        """Fetch pages, each while the one before is being worked on; None for an expired cursor."""
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="monday-page")
        try:
            coming = worker.submit(self._fetch, None)
            cursors: set[str] = set()
            items = 0
            while True:
                page = coming.result()
                if page is not None:
                    items += len(page.items)
                    if page.cursor in cursors:
                        raise SourceError(
                            f"board {self.board_id}: monday.com sent the same cursor twice, which "
                            "would never end: run it again later"
                        )
                    if page.cursor is not None and (self.limit is None or items < self.limit):
                        cursors.add(page.cursor)
                        coming = worker.submit(self._fetch, page.cursor)
                        yield page
                        continue
                yield page
                return
        finally:
            worker.shutdown(wait=False, cancel_futures=True)

    def _fetch(self, cursor: str | None) -> _Page | None:
        if self._quota is not None:
            asking = self._variables["limit"] * len(self._formulas)
            self._client.pause(self._quota.delay(asking), "10,000 formula values a minute")
        if cursor is None:
            answer = self._client.send(self._first, {**self._variables, "board": [self.board_id]})
        else:
            answer = self._client.send(self._next, {**self._variables, "cursor": cursor})
        if isinstance(answer, Failure):
            if answer.verdict == "cursor":
                return None
            raise self._client.error(answer)
        with expected_shape(f"the items of board {self.board_id}"):
            expected: int | None = None
            if cursor is None:
                board = one_board(answer.data, self.board_id)
                found, expected = board["items_page"], count(board["items_count"])
            else:
                found = answer.data["next_items_page"]
            items, following = found["items"], found["cursor"]
            if not isinstance(items, list) or not isinstance(following, str | None):
                raise TypeError("no list of items, or no cursor")
        if self._quota is not None:
            self._quota.note(len(items) * len(self._formulas))
        return _Page(items, following or None, expected)
