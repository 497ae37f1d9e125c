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
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["PAGE_ITEMS", "SampleBoard", "SampleColumn", "write_samples"]

PAGE_ITEMS: Final = 500
Cell = dict[str, Any]

_VARIANTS: Final = 499  # a prime: columns with different salts do not fall into step
_BROKEN_EVERY, _BROKEN_AT = 500, 137
_FIRST_ITEM: Final = 7_100_000_000
_EPOCH: Final = datetime(2024, 1, 1, 8, tzinfo=UTC)

_NULL_LIKE: Final = ("None", "nan", "NaT", "null", "")
_CUSTOMERS: Final = ("Northwind Outfitters", "Café Lumière", "東京衣料", "Söder & Söner", "Blå Fjäll")
_STYLES: Final = (
    "Linen shirt", "Linen shirt", "Rain parka 🌧️", "Wollmütze", "绣花连衣裙", "Cafe\u0301 apron",
    "Trail short", "Denim jacket – raw", "None", "Kids' tee, 3-pack", "Boxy knit 👩‍🎨", "قميص قطني",
)  # fmt: skip
_COLORS: Final = ("Navy", "navy", "Écru", "E\u0301cru", "墨绿", "Rouge 🔴", "Off-white", "None", "")
_TEAMS: Final = ("Cut & sew Porto", "Finishing", "QA 東京")
_PEOPLE: Final = ("Ana Sørensen", "李小龙", "Zoë O'Neill", "Tomás Ó Briain")
_ODD_DATES: Final = ("0001-01-01", "1752-09-14", "9999-12-31", None, None)
_GROUPS: Final = (
    ("topics", "Spring 🌱", "#037f4c"), ("group_fall", "Fall / Winter", "#bb3354"),
    ("group_fall_2", "Fall / Winter", "#ff642e"), ("group_new", "新规", "#579bfc"),
)  # fmt: skip


def _mix(number: int, salt: int) -> int:
    """Scatter a number (the finaliser of splitmix64): equal inputs, equal outputs, everywhere."""
    mask = 0xFFFFFFFFFFFFFFFF
    x = (number * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _value(value: object) -> str | None:
    """``value`` is JSON in a string, as in monday's own answers."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _some(rng: random.Random, *choices: Any) -> Any:
    return rng.choice(choices)


def _seldom(rng: random.Random) -> bool:
    return rng.random() < 0.08


def _day(rng: random.Random) -> str:
    return (date(2025, 1, 1) + timedelta(days=rng.randrange(900))).isoformat()


def _plain(text: str | None, **fields: Any) -> Cell:
    return {"text": text, "value": _value(text or None), **fields}


def _text(*choices: str) -> Callable[[random.Random], Cell]:
    return lambda rng: _plain(_some(rng, *_NULL_LIKE) if _seldom(rng) else _some(rng, *choices))


def _po(rng: random.Random) -> Cell:
    return _plain(_some(rng, *_NULL_LIKE) if _seldom(rng) else f"PO-{rng.randrange(10**6):06}")


def _status(rng: random.Random) -> Cell:
    labels = ("Planned", "Cutting", "Done ✅", None)
    index = rng.randrange(4)
    value = None if labels[index] is None else {"index": index, "post_id": None}
    return {
        "text": labels[index], "value": _value(value), "label": labels[index],
        "index": None if value is None else index, "is_done": index == 2,
    }  # fmt: skip


def _labels(field: str, name: str, *choices: str) -> Callable[[random.Random], Cell]:
    def make(rng: random.Random) -> Cell:
        chosen = sorted(rng.sample(range(len(choices)), rng.choice((0, 1, 1, 2))))
        return {
            "text": ", ".join(choices[i] for i in chosen) or (None if field == "values" else ""),
            "value": _value({"ids": [i + 1 for i in chosen]} if chosen else None),
            field: [{"id": str(i + 1), name: choices[i]} for i in chosen],
        }

    return make


def _quantity(rng: random.Random) -> Cell:
    number = None if _seldom(rng) else rng.randrange(0, 5000)
    return _plain("" if number is None else str(number), number=number, symbol=None)


def _cost(rng: random.Random) -> Cell:
    text = "" if _seldom(rng) else f"{rng.randrange(100, 9000) / 100:.2f}".rstrip("0").rstrip(".")
    return _plain(text, number=float(text) if text else None, symbol="€")


def _typed_number(rng: random.Random) -> Cell:
    number = rng.randrange(0, 20_000)
    forms = (f"{number}", f"{number:,}", f" {number} ", f"+{number}", f"-{number % 50}")
    return _plain(_some(rng, *_NULL_LIKE) if _seldom(rng) else _some(rng, *forms))


def _date(rng: random.Random, *, timed: bool = False) -> Cell:
    day = _some(rng, *_ODD_DATES) if _seldom(rng) else _day(rng)
    time = f"{rng.randrange(24):02}:{rng.randrange(60):02}:00" if timed and day else None
    if day is None:
        return {"text": "", "value": None, "date": "", "time": ""}
    value = {"date": day, "time": time, "icon": None, "changed_at": "2025-03-01T07:30:00.000Z"}
    # The text is in the zone of the token's owner, here two hours off: a reader must not use it.
    shown = day if time is None else f"{day} {(int(time[:2]) + 2) % 24:02}{time[2:5]}"
    return {"text": shown, "value": _value(value), "date": day, "time": time or ""}


def _changed(rng: random.Random) -> Cell:
    moment = _EPOCH + timedelta(minutes=rng.randrange(900_000))
    value = None if _seldom(rng) else {"changed_at": _iso(moment).replace("Z", ".417Z")}
    return {"text": "", "value": _value(value), "date": "", "time": ""}


def _span(start: str, end: str) -> Callable[[random.Random], Cell]:
    def make(rng: random.Random) -> Cell:
        if _seldom(rng):
            return {"text": "", "value": None, start: None, end: None}
        first = date.fromisoformat(_day(rng))
        days = (first.isoformat(), (first + timedelta(days=6)).isoformat())
        return {
            "text": " - ".join(days), "value": _value({"from": days[0], "to": days[1]}),
            start: f"{days[0]}T00:00:00+00:00", end: f"{days[1]}T00:00:00+00:00",
        }  # fmt: skip

    return make


def _hour(rng: random.Random) -> Cell:
    if _seldom(rng):
        return {"text": "", "value": None, "hour": None, "minute": None}
    hour, minute = rng.randrange(24), rng.choice((0, 15, 30, 45))
    return {
        "text": f"{hour:02}:{minute:02}", "value": _value({"hour": hour, "minute": minute}),
        "hour": hour, "minute": minute,
    }  # fmt: skip


def _checkbox(rng: random.Random) -> Cell:
    checked = rng.choice((True, False, None))
    value = {"checked": "true"} if checked else None
    return {"text": "v" if checked else "", "value": _value(value), "checked": checked}


def _count(field: str, most: int, *, empty: int | None = None) -> Callable[[random.Random], Cell]:
    def make(rng: random.Random) -> Cell:
        number = empty if _seldom(rng) else rng.randrange(most + 1)
        text = "" if number is None else str(number)
        return {"text": text, "value": _value(number and {field: number}), field: number}

    return make


def _people(rng: random.Random) -> Cell:
    chosen = sorted(rng.sample(range(len(_PEOPLE)), rng.choice((0, 1, 2))))
    entities = [{"id": str(501 + i), "kind": "person"} for i in chosen]
    return {
        "text": ", ".join(_PEOPLE[i] for i in chosen),
        "value": _value({"personsAndTeams": entities} if chosen else None),
        "persons_and_teams": entities,
    }


def _team(rng: random.Random) -> Cell:
    team = rng.randrange(len(_TEAMS) + 1)
    if team == len(_TEAMS):
        return {"text": "", "value": None, "team_id": None}
    return {"text": _TEAMS[team], "value": _value({"team_id": 40 + team}), "team_id": 40 + team}


def _pair(first: str, second: str, *pairs: tuple[str, str]) -> Callable[[random.Random], Cell]:
    def make(rng: random.Random) -> Cell:
        if _seldom(rng):
            return {"text": "", "value": None, first: None, second: None}
        one, two = rng.choice(pairs)
        return {"text": one, "value": _value({first: one, second: two}), first: one, second: two}

    return make


def _country(rng: random.Random) -> Cell:
    code, name = rng.choice((("PT", "Portugal"), ("CI", "Côte d'Ivoire"), ("JP", "Japan")))
    if _seldom(rng):
        return {"text": "", "value": None, "country": None}
    value = {"countryCode": code, "countryName": name}
    return {"text": name, "value": _value(value), "country": {"code": code, "name": name}}


def _location(rng: random.Random) -> Cell:
    if _seldom(rng):
        return {"text": "", "value": None, "lat": None, "lng": None, "address": None}
    lat, lng = round(rng.uniform(-60, 60), 6), round(rng.uniform(-170, 170), 6)
    address = rng.choice(("Rua das Flores 12, Porto", "東京都港区1-2-3", "Ängsvägen 3, Borås"))
    value = {"lat": str(lat), "lng": str(lng), "address": address}
    return {"text": address, "value": _value(value), "lat": lat, "lng": lng, "address": address}


def _files(rng: random.Random) -> Cell:
    if rng.random() < 0.6:
        return {"text": "", "value": None, "files": []}
    number = rng.randrange(9000)
    asset = {
        "__typename": "FileAssetValue", "asset_id": str(number), "name": f"pack {number} ✂.pdf",
        "is_image": False, "created_at": "2025-02-03T10:00:00Z",
    }  # fmt: skip
    link = {
        "__typename": "FileLinkValue", "file_id": f"f{number}", "name": "spec",
        "url": f"https://files.example/{number}", "created_at": "2025-02-03T10:00:00Z",
    }  # fmt: skip
    files = [asset, link][: rng.choice((1, 2))]
    return {"text": f"https://files.example/{number}", "value": _value({"files": []}), "files": files}


def _linked(ids: str, name: str) -> Callable[[random.Random], Cell]:
    def make(rng: random.Random) -> Cell:
        numbers = [rng.randrange(10**6) for _ in range(rng.choice((0, 0, 1, 2)))]
        shown = ", ".join(f"{name} {number}" for number in numbers)
        # monday gives neither text nor value for relations
        return {
            "text": None, "value": None, "display_value": shown,
            ids: [str(8_000_000_000 + number) for number in numbers],
        }  # fmt: skip

    return make


def _shown(*choices: str, text: str | None) -> Callable[[random.Random], Cell]:
    return lambda rng: {"text": text, "value": None, "display_value": rng.choice(choices)}


def _margin(rng: random.Random) -> Cell:
    shown = "" if _seldom(rng) else f"{rng.randrange(-500, 6000) / 100}"
    return {"text": "", "value": None, "display_value": shown}


def _updated(rng: random.Random) -> Cell:
    moment = _iso(_EPOCH + timedelta(minutes=rng.randrange(900_000)))
    return {"text": moment, "value": None, "updated_at": moment}


def _one(field: str, *choices: str) -> Callable[[random.Random], Cell]:
    def make(rng: random.Random) -> Cell:
        chosen = "" if _seldom(rng) else rng.choice(choices)
        return {"text": chosen, "value": _value({field: chosen} if chosen else None), field: chosen}

    return make


@dataclass(frozen=True)
class SampleColumn:
    """A column of the sample board, and how a cell of it is made.

    ``make`` is None for a column whose cells depend on the item itself, or which has none.
    """

    id: str
    title: str
    type: str
    typename: str
    make: Callable[[random.Random], Cell] | None = None
    archived: bool = False

    @property
    def live(self) -> dict[str, Any]:
        """The column as ``boards.columns`` gives it."""
        return {
            "id": self.id, "title": self.title, "type": self.type, "archived": self.archived
        }  # fmt: skip


_COLUMNS: Final = (
    SampleColumn("name", "Name", "name", ""),
    SampleColumn("style_status", "Status", "status", "StatusValue", _status),
    SampleColumn("customer", "Customer", "dropdown", "DropdownValue", _labels("values", "label", *_CUSTOMERS)),
    SampleColumn("season", "Season", "text", "TextValue", _text("SS26", "FW26", "春夏26")),
    SampleColumn("po_number", "PO", "text", "TextValue", _po),
    SampleColumn("color_name", "Colour", "text", "TextValue", _text(*_COLORS)),
    SampleColumn("category", "Category", "tags", "TagsValue", _labels("tags", "name", "knit", "woven, heavy", "🧥")),
    SampleColumn("order_qty", "Ordered", "numbers", "NumbersValue", _quantity),
    SampleColumn("cut_qty", "Cut", "text", "TextValue", _typed_number),
    SampleColumn("unit_cost", "Unit cost", "numbers", "NumbersValue", _cost),
    SampleColumn("ex_factory", "Ex factory", "date", "DateValue", _date),
    SampleColumn("fabric_eta", "Fabric ETA", "date", "DateValue", _date),
    SampleColumn("ship_at", "Ships at", "date", "DateValue", lambda rng: _date(rng, timed=True)),
    SampleColumn("production", "Production", "timeline", "TimelineValue", _span("from", "to")),
    SampleColumn("plan_week", "Week", "week", "WeekValue", _span("start_date", "end_date")),
    SampleColumn("shift_start", "Shift", "hour", "HourValue", _hour),
    SampleColumn("approved", "Approved", "checkbox", "CheckboxValue", _checkbox),
    SampleColumn("priority", "Priority", "rating", "RatingValue", _count("rating", 5)),
    SampleColumn("votes", "Votes", "vote", "VoteValue", _count("vote_count", 9, empty=0)),
    SampleColumn("planner", "Planner", "people", "PeopleValue", _people),
    SampleColumn("factory_team", "Team", "team", "TeamValue", _team),
    SampleColumn("vendor_email", "Vendor", "email", "EmailValue", _pair("email", "label", ("ana@mill.example", "Ana"), ("büro@weber.example", "Büro"))),
    SampleColumn("vendor_phone", "Phone", "phone", "PhoneValue", _pair("phone", "country_short_name", ("351220000001", "PT"), ("81300000002", "JP"))),
    SampleColumn("spec_link", "Spec", "link", "LinkValue", _pair("url", "url_text", ("https://specs.example/a?b=c&d=é", "spec"), ("https://specs.example/2", ""))),
    SampleColumn("origin", "Origin", "country", "CountryValue", _country),
    SampleColumn("factory_site", "Site", "location", "LocationValue", _location),
    SampleColumn("tech_pack", "Tech pack", "file", "FileValue", _files),
    SampleColumn("pulse_id", "Item ID", "item_id", "ItemIdValue"),
    SampleColumn("created_log", "Created", "creation_log", "CreationLogValue"),
    SampleColumn("changed_log", "Changed", "last_updated", "LastUpdatedValue", _updated),
    SampleColumn("sewing_time", "Sewing", "time_tracking", "TimeTrackingValue", _count("duration", 90_000)),
    SampleColumn("linked_orders", "Orders", "board_relation", "BoardRelationValue", _linked("linked_item_ids", "Order")),
    SampleColumn("depends_on", "Depends on", "dependency", "DependencyValue", _linked("linked_item_ids", "Task")),
    SampleColumn("mirror_status", "Order status", "mirror", "MirrorValue", _shown("Open", "Open, Shipped", "", text=None)),
    SampleColumn("margin_pct", "Margin %", "formula", "FormulaValue", _margin),
    SampleColumn("sizes", "Sizes", "subtasks", "SubtasksValue", _linked("subitems_ids", "Size")),
    SampleColumn("factory_clock", "Clock", "world_clock", "WorldClockValue", _one("timezone", "Europe/Lisbon", "Asia/Tokyo")),
    SampleColumn("open_form", "Open", "button", "ButtonValue", _one("label", "Click me")),
    SampleColumn("brand_color", "Colour", "color_picker", "ColorPickerValue", _one("color", "#037f4c", "#bb3354")),
    SampleColumn("progress", "Progress", "progress", "ProgressValue", lambda rng: _plain(f"{rng.randrange(101)}%")),
    SampleColumn("row_number", "No.", "auto_number", ""),
    SampleColumn("fabric_changed", "Fabric changed", "date", "DateValue", _changed),
    SampleColumn("notes", "Notes", "long_text", "LongTextValue", _text("Line one\nline two", "“quoted”, 50% off; \\ / \t tab", "🧵" * 40, "=1+1", "x" * 1900)),
    SampleColumn("old_notes", "Notes (old)", "text", "TextValue", _text("kept"), archived=True),
    SampleColumn("hologram", "Hologram", "unsupported", "UnsupportedValue", lambda _: _plain("shimmer")),
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
        self._salts = {
            column.id: zlib.crc32(f"{seed}:{column.id}".encode()) for column in _COLUMNS
        }
        self._pools: dict[str, list[Cell]] = {}

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

    def pool(self, column_id: str) -> list[Cell] | None:
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

    def variant(self, column_id: str, index: int) -> int | None:
        """Which cell of the column's pool item ``index`` has; None: one that is made for it."""
        broken = column_id == "cut_qty" and index % _BROKEN_EVERY == _BROKEN_AT
        return None if broken else _mix(index, self._salts[column_id]) % _VARIANTS

    def cell(self, column_id: str, index: int) -> Cell | None:
        """Make a cell; None for a column whose cells monday does not send."""
        pool, variant = self.pool(column_id), self.variant(column_id, index)
        if pool is not None and variant is not None:
            return pool[variant]
        column = self.columns[column_id]
        head = {"__typename": column.typename, "id": column_id}
        if column_id == "cut_qty":
            return {**head, **_plain("12 pcs")}
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
        created = _EPOCH + timedelta(minutes=13 * index % 1_000_000)
        group, title, _ = _GROUPS[mixed % len(_GROUPS)]
        return {
            "id": str(_FIRST_ITEM + 7 * index),
            "name": _STYLES[(mixed >> 8) % len(_STYLES)],
            "created_at": _iso(created),
            "updated_at": _iso(created + timedelta(seconds=(mixed >> 16) % 10**7)),
            "group": {"id": group, "title": title},
        }

    def item(self, index: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Make item ``index``, with the cells of these columns, or of all that are not archived."""
        wanted = (
            [column.id for column in _COLUMNS if not column.archived]
            if columns is None
            else [column for column in columns if column in self.columns]
        )
        cells = (self.cell(column_id, index) for column_id in wanted)
        return {**self.fields(index), "column_values": [cell for cell in cells if cell is not None]}

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
