"""A generated planning board, in the format of monday.com's answers: any size, always the same.

Item ``i`` depends on the seed and on ``i`` alone, so pages can be made in any order and as they
are asked for. The board holds every column type, and what real boards hold: empty cells, emoji and
CJK text, combining marks, duplicate titles and names, dates from the year 1 to 9999, texts such as
``None`` and ``NaT``, numbers typed as text, and a few quantities that are none. All names are
invented.
"""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from etl.samples import _cells as cells
from etl.samples._mixing import mix as _mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["PAGE_ITEMS", "SampleBoard", "SampleColumn", "write_samples"]

PAGE_ITEMS: Final = 500

_VARIANTS: Final = 499  # a prime: columns with different salts do not fall into step
_BROKEN_EVERY, _BROKEN_AT = 500, 137
_FIRST_ITEM: Final = 7_100_000_000

_CUSTOMERS: Final = (
    "Northwind Outfitters",
    "Café Lumière",
    "東京衣料",
    "Söder & Söner",
    "Blå Fjäll",
)
_STYLES: Final = (
    "Linen shirt", "Linen shirt", "Rain parka 🌧️", "Wollmütze", "绣花连衣裙", "Cafe\u0301 apron",
    "Trail short", "Denim jacket – raw", "None", "Kids' tee, 3-pack", "Boxy knit 👩‍🎨", "قميص قطني",
)  # fmt: skip
_COLORS: Final = ("Navy", "navy", "Écru", "E\u0301cru", "墨绿", "Rouge 🔴", "Off-white", "None", "")
_GROUPS: Final = (
    ("topics", "Spring 🌱", "#037f4c"), ("group_fall", "Fall / Winter", "#bb3354"),
    ("group_fall_2", "Fall / Winter", "#ff642e"), ("group_new", "新规", "#579bfc"),
)  # fmt: skip


@dataclass(frozen=True)
class SampleColumn:
    """A column of the sample board, and how a cell of it is made.

    ``make`` is None for a column whose cells depend on the item itself, or which has none.
    """

    id: str
    title: str
    type: str
    typename: str
    make: Callable[[random.Random], cells.Cell] | None = None
    archived: bool = False

    @property
    def live(self) -> dict[str, Any]:
        """The column as ``boards.columns`` gives it."""
        return {
            "id": self.id, "title": self.title, "type": self.type, "archived": self.archived
        }  # fmt: skip


_COLUMNS: Final = (
    SampleColumn("name", "Name", "name", ""),
    SampleColumn("style_status", "Status", "status", "StatusValue", cells.status),
    SampleColumn("customer", "Customer", "dropdown", "DropdownValue", cells.labels("values", "label", *_CUSTOMERS)),
    SampleColumn("season", "Season", "text", "TextValue", cells.text("SS26", "FW26", "春夏26")),
    SampleColumn("po_number", "PO", "text", "TextValue", cells.order_number),
    SampleColumn("color_name", "Colour", "text", "TextValue", cells.text(*_COLORS)),
    SampleColumn("category", "Category", "tags", "TagsValue", cells.labels("tags", "name", "knit", "woven, heavy", "🧥")),
    SampleColumn("order_qty", "Ordered", "numbers", "NumbersValue", cells.quantity),
    SampleColumn("cut_qty", "Cut", "text", "TextValue", cells.typed_number),
    SampleColumn("unit_cost", "Unit cost", "numbers", "NumbersValue", cells.cost),
    SampleColumn("ex_factory", "Ex factory", "date", "DateValue", cells.date_cell),
    SampleColumn("fabric_eta", "Fabric ETA", "date", "DateValue", cells.date_cell),
    SampleColumn("ship_at", "Ships at", "date", "DateValue", lambda rng: cells.date_cell(rng, timed=True)),
    SampleColumn("production", "Production", "timeline", "TimelineValue", cells.span("from", "to")),
    SampleColumn("plan_week", "Week", "week", "WeekValue", cells.span("start_date", "end_date")),
    SampleColumn("shift_start", "Shift", "hour", "HourValue", cells.hour_cell),
    SampleColumn("approved", "Approved", "checkbox", "CheckboxValue", cells.checkbox),
    SampleColumn("priority", "Priority", "rating", "RatingValue", cells.count("rating", 5)),
    SampleColumn("votes", "Votes", "vote", "VoteValue", cells.count("vote_count", 9, empty=0)),
    SampleColumn("planner", "Planner", "people", "PeopleValue", cells.people),
    SampleColumn("factory_team", "Team", "team", "TeamValue", cells.team_cell),
    SampleColumn("vendor_email", "Vendor", "email", "EmailValue", cells.pair("email", "label", ("ana@mill.example", "Ana"), ("büro@weber.example", "Büro"))),
    SampleColumn("vendor_phone", "Phone", "phone", "PhoneValue", cells.pair("phone", "country_short_name", ("351220000001", "PT"), ("81300000002", "JP"))),
    SampleColumn("spec_link", "Spec", "link", "LinkValue", cells.pair("url", "url_text", ("https://specs.example/a?b=c&d=é", "spec"), ("https://specs.example/2", ""))),
    SampleColumn("origin", "Origin", "country", "CountryValue", cells.country),
    SampleColumn("factory_site", "Site", "location", "LocationValue", cells.location),
    SampleColumn("tech_pack", "Tech pack", "file", "FileValue", cells.files_cell),
    SampleColumn("pulse_id", "Item ID", "item_id", "ItemIdValue"),
    SampleColumn("created_log", "Created", "creation_log", "CreationLogValue"),
    SampleColumn("changed_log", "Changed", "last_updated", "LastUpdatedValue", cells.updated),
    SampleColumn("sewing_time", "Sewing", "time_tracking", "TimeTrackingValue", cells.count("duration", 90_000)),
    SampleColumn("linked_orders", "Orders", "board_relation", "BoardRelationValue", cells.linked("linked_item_ids", "Order")),
    SampleColumn("depends_on", "Depends on", "dependency", "DependencyValue", cells.linked("linked_item_ids", "Task")),
    SampleColumn("mirror_status", "Order status", "mirror", "MirrorValue", cells.shown("Open", "Open, Shipped", "", text=None)),
    SampleColumn("margin_pct", "Margin %", "formula", "FormulaValue", cells.margin),
    SampleColumn("sizes", "Sizes", "subtasks", "SubtasksValue", cells.linked("subitems_ids", "Size")),
    SampleColumn("factory_clock", "Clock", "world_clock", "WorldClockValue", cells.one("timezone", "Europe/Lisbon", "Asia/Tokyo")),
    SampleColumn("open_form", "Open", "button", "ButtonValue", cells.one("label", "Click me")),
    SampleColumn("brand_color", "Colour", "color_picker", "ColorPickerValue", cells.one("color", "#037f4c", "#bb3354")),
    SampleColumn("progress", "Progress", "progress", "ProgressValue", lambda rng: cells.plain(f"{rng.randrange(101)}%")),
    SampleColumn("row_number", "No.", "auto_number", ""),
    SampleColumn("fabric_changed", "Fabric changed", "date", "DateValue", cells.changed),
    SampleColumn("notes", "Notes", "long_text", "LongTextValue", cells.text("Line one\nline two", "“quoted”, 50% off; \\ / \t tab", "🧵" * 40, "=1+1", "word " * 60)),
    SampleColumn("old_notes", "Notes (old)", "text", "TextValue", cells.text("kept"), archived=True),
    SampleColumn("hologram", "Hologram", "unsupported", "UnsupportedValue", lambda _: cells.plain("shimmer")),
)  # fmt: skip


class SampleBoard:
    """The sample planning board.

    Parameters
    ----------
    rows
        How many items it has.
    seed
        Another seed, another board.

    Examples
    --------
    >>> board = SampleBoard(rows=1000, seed=7)
    >>> board.item(3) == SampleBoard(rows=5, seed=7).item(3)
    True
    >>> item = board.item(3, columns=["order_qty"])
    >>> item["id"], sorted(item["column_values"][0])
    ('7100000021', ['__typename', 'id', 'number', 'symbol', 'text', 'value'])
    """

    name: Final = "Planning (sample)"

    def __init__(self, rows: int = PAGE_ITEMS, seed: int = 0) -> None:
        self.rows, self.seed = rows, seed
        self._salts = {column.id: _mix(zlib.crc32(column.id.encode()), seed) for column in _COLUMNS}
        self._pools: dict[str, list[cells.Cell]] = {}

    @cached_property
    def columns(self) -> dict[str, SampleColumn]:
        """The columns, by id; archived ones too."""
        return {column.id: column for column in _COLUMNS}

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The groups, as ``boards.groups`` gives them: one of them archived, two of one title."""
        return [
            {
                "id": group, "title": title, "position": f"{65536.0 * (n + 1)}", "color": color,
                "archived": n == 2, "deleted": False,
            }
            for n, (group, title, color) in enumerate(_GROUPS)
        ]  # fmt: skip

    def pool(self, column_id: str) -> list[cells.Cell] | None:
        """The cells that a column chooses from; None where a cell is made for its item."""
        column = self.columns[column_id]
        if column.make is None:
            return None
        if column_id not in self._pools:
            # Not for secrets: the same seed has to give the same board.
            rng = random.Random(f"{self.seed}:{column_id}")  # noqa: S311
            head = {"__typename": column.typename, "id": column_id}
            self._pools[column_id] = [{**head, **column.make(rng)} for _ in range(_VARIANTS)]
        return self._pools[column_id]

    def chosen(self, index: int, column_ids: Sequence[str]) -> list[int | None]:
        """Which cell of each column's pool item ``index`` has.

        None is a cell that is made for the item: the quantities that are none.
        """
        mixed, salts = _mix(index, self.seed + 1), self._salts
        broken = index % _BROKEN_EVERY == _BROKEN_AT
        return [
            None if broken and column == "cut_qty" else ((mixed ^ salts[column]) >> 7) % _VARIANTS
            for column in column_ids
        ]

    def cell(self, column_id: str, index: int) -> cells.Cell | None:
        """Make a cell; None for a column whose cells monday does not send."""
        pool, variant = self.pool(column_id), self.chosen(index, [column_id])[0]
        if pool is not None and variant is not None:
            return pool[variant]
        column = self.columns[column_id]
        head = {"__typename": column.typename, "id": column_id}
        if column_id == "cut_qty":
            return {**head, **cells.plain("12 pcs")}
        if column_id == "pulse_id":
            number = str(_FIRST_ITEM + 7 * index)
            return {**head, "text": number, "value": None, "item_id": number}
        if column_id == "created_log":
            created = self.fields(index)["created_at"]
            return {**head, "text": created, "value": None, "created_at": created}
        return None

    def fields(self, index: int) -> dict[str, Any]:
        """Make an item without its cells."""
        mixed = _mix(index, self.seed)
        created = cells.EPOCH + timedelta(minutes=13 * index % 1_000_000)
        group, title, _ = _GROUPS[mixed % len(_GROUPS)]
        return {
            "id": str(_FIRST_ITEM + 7 * index),
            "name": _STYLES[(mixed >> 8) % len(_STYLES)],
            "created_at": cells.iso(created),
            "updated_at": cells.iso(created + timedelta(seconds=(mixed >> 16) % 10**7)),
            "group": {"id": group, "title": title},
        }

    def item(self, index: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Make item ``index``, with the cells of these columns, or of all that are not archived."""
        wanted = (
            [column.id for column in _COLUMNS if not column.archived]
            if columns is None
            else [column for column in columns if column in self.columns]
        )
        found = (self.cell(column_id, index) for column_id in wanted)
        return {**self.fields(index), "column_values": [cell for cell in found if cell is not None]}

    def pages(self, size: int = PAGE_ITEMS) -> Iterator[dict[str, Any]]:
        """Make all pages, as monday answers the client's documents, the first one first."""
        for start in range(0, max(self.rows, 1), size):
            stop = min(start + size, self.rows)
            page = {
                "cursor": f"sample-{stop}" if stop < self.rows else None,
                "items": [self.item(index) for index in range(start, stop)],
            }
            first = {"id": "1", "items_count": self.rows, "items_page": page}
            yield {"data": {"next_items_page": page} if start else {"boards": [first]}}


def write_samples(directory: Path, rows: int = PAGE_ITEMS, seed: int = 0) -> list[Path]:
    """Write the sample board as files of monday's answers.

    Parameters
    ----------
    directory
        Where to; made if it is not there.
    rows
        How many items.
    seed
        Another seed, another board.

    Returns
    -------
    list of Path
        ``board.json``, ``groups.json``, ``page-0001.json`` and so on, 500 items each.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as made:
    ...     [path.name for path in write_samples(pathlib.Path(made), rows=501)]
    ['board.json', 'groups.json', 'page-0001.json', 'page-0002.json']
    """
    board = SampleBoard(rows, seed)
    about = {"id": "1", "name": board.name}
    columns = [column.live for column in board.columns.values()]
    directory.mkdir(parents=True, exist_ok=True)
    written = []

    def write(name: str, answer: dict[str, Any]) -> None:
        text = json.dumps(answer, ensure_ascii=False, indent=1)
        (directory / name).write_text(text + "\n", encoding="utf-8")
        written.append(directory / name)

    write("board.json", {"data": {"boards": [{**about, "items_count": rows, "columns": columns}]}})
    write("groups.json", {"data": {"boards": [{**about, "groups": board.groups}]}})
    for number, page in enumerate(board.pages(), start=1):
        write(f"page-{number:04}.json", page)
    return written
