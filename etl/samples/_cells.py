"""How the cells of the sample board are made: a maker a column type, in monday's format.

A maker takes a random number generator and gives a cell without its id. About one cell in twelve
is empty, or something odd that real boards hold.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = [
    "EPOCH",
    "Cell",
    "changed",
    "checkbox",
    "cost",
    "count",
    "country",
    "date_cell",
    "files_cell",
    "hour_cell",
    "iso",
    "labels",
    "linked",
    "location",
    "margin",
    "one",
    "order_number",
    "pair",
    "people",
    "plain",
    "quantity",
    "shown",
    "span",
    "status",
    "team_cell",
    "text",
    "typed_number",
    "updated",
]

Cell = dict[str, Any]

_NULL_LIKE: Final = ("None", "nan", "NaT", "null", "")
_TEAMS: Final = ("Cut & sew Porto", "Finishing", "QA 東京")
_PEOPLE: Final = ("Ana Sørensen", "李小龙", "Zoë O'Neill", "Tomás Ó Briain")
_ODD_DATES: Final = ("0001-01-01", "1752-09-14", "9999-12-31", None, None)
EPOCH: Final = datetime(2024, 1, 1, 8, tzinfo=UTC)


def iso(moment: datetime) -> str:
    """Write a time as monday does."""
    return f"{moment.isoformat()[:19]}Z"


def _value(value: object) -> str | None:
    """``value`` is JSON in a string, as in monday's own answers."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _some(rng: random.Random, *choices: Any) -> Any:
    return rng.choice(choices)


def _seldom(rng: random.Random) -> bool:
    return rng.random() < 0.08


def _day(rng: random.Random) -> str:
    return (date(2025, 1, 1) + timedelta(days=rng.randrange(900))).isoformat()


def plain(text: str | None, **fields: Any) -> Cell:
    """Make a cell whose value is its text."""
    return {"text": text, "value": _value(text or None), **fields}


def text(*choices: str) -> Callable[[random.Random], Cell]:
    """Make texts of these, now and then one that only looks empty."""
    return lambda rng: plain(_some(rng, *_NULL_LIKE) if _seldom(rng) else _some(rng, *choices))


def order_number(rng: random.Random) -> Cell:
    """Make a purchase order number."""
    return plain(_some(rng, *_NULL_LIKE) if _seldom(rng) else f"PO-{rng.randrange(10**6):06}")


def status(rng: random.Random) -> Cell:
    """Make a status: label and text are null where it is empty."""
    labels = ("Planned", "Cutting", "Done ✅", None)
    index = rng.randrange(4)
    value = None if labels[index] is None else {"index": index, "post_id": None}
    return {
        "text": labels[index], "value": _value(value), "label": labels[index],
        "index": None if value is None else index, "is_done": index == 2,
    }  # fmt: skip


def labels(field: str, name: str, *choices: str) -> Callable[[random.Random], Cell]:
    """Make a dropdown or tags: none, one or two of the choices."""

    def make(rng: random.Random) -> Cell:
        chosen = sorted(rng.sample(range(len(choices)), rng.choice((0, 1, 1, 2))))
        return {
            "text": ", ".join(choices[i] for i in chosen) or (None if field == "values" else ""),
            "value": _value({"ids": [i + 1 for i in chosen]} if chosen else None),
            field: [{"id": str(i + 1), name: choices[i]} for i in chosen],
        }

    return make


def quantity(rng: random.Random) -> Cell:
    """Make a whole number."""
    number = None if _seldom(rng) else rng.randrange(0, 5000)
    return plain("" if number is None else str(number), number=number, symbol=None)


def cost(rng: random.Random) -> Cell:
    """Make an amount of money."""
    text = "" if _seldom(rng) else f"{rng.randrange(100, 9000) / 100:.2f}".rstrip("0").rstrip(".")
    return plain(text, number=float(text) if text else None, symbol="€")


def typed_number(rng: random.Random) -> Cell:
    """Make a number as people type it: signs, blanks, thousands commas, words for nothing."""
    number = rng.randrange(0, 20_000)
    forms = (f"{number}", f"{number:,}", f" {number} ", f"+{number}", f"-{number % 50}")
    return plain(_some(rng, *_NULL_LIKE) if _seldom(rng) else _some(rng, *forms))


def date_cell(rng: random.Random, *, timed: bool = False) -> Cell:
    """Make a date, or a time in UTC; the odd ones lie at the ends of the calendar."""
    day = _some(rng, *_ODD_DATES) if _seldom(rng) else _day(rng)
    time = f"{rng.randrange(24):02}:{rng.randrange(60):02}:00" if timed and day else None
    if day is None:
        return {"text": "", "value": None, "date": "", "time": ""}
    value = {"date": day, "time": time, "icon": None, "changed_at": "2025-03-01T07:30:00.000Z"}
    # The text is in the zone of the token's owner, here two hours off: a reader must not use it.
    shown = day if time is None else f"{day} {(int(time[:2]) + 2) % 24:02}{time[2:5]}"
    return {"text": shown, "value": _value(value), "date": day, "time": time or ""}


def changed(rng: random.Random) -> Cell:
    """Make a date cell that holds nothing but the time of its last change."""
    moment = EPOCH + timedelta(minutes=rng.randrange(900_000))
    value = None if _seldom(rng) else {"changed_at": iso(moment).replace("Z", ".417Z")}
    return {"text": "", "value": _value(value), "date": "", "time": ""}


def span(start: str, end: str) -> Callable[[random.Random], Cell]:
    """Make a timeline or a week: seven days."""

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


def hour_cell(rng: random.Random) -> Cell:
    """Make a time of day."""
    if _seldom(rng):
        return {"text": "", "value": None, "hour": None, "minute": None}
    hour, minute = rng.randrange(24), rng.choice((0, 15, 30, 45))
    return {
        "text": f"{hour:02}:{minute:02}", "value": _value({"hour": hour, "minute": minute}),
        "hour": hour, "minute": minute,
    }  # fmt: skip


def checkbox(rng: random.Random) -> Cell:
    """Make a box: ticked, cleared again, never touched."""
    checked = rng.choice((True, False, None))
    value = {"checked": "true"} if checked else None
    return {"text": "v" if checked else "", "value": _value(value), "checked": checked}


def count(field: str, most: int, *, empty: int | None = None) -> Callable[[random.Random], Cell]:
    """Make a whole number from 0 on."""

    def make(rng: random.Random) -> Cell:
        number = empty if _seldom(rng) else rng.randrange(most + 1)
        text = "" if number is None else str(number)
        return {"text": text, "value": _value(number and {field: number}), field: number}

    return make


def people(rng: random.Random) -> Cell:
    """Make none, one or two people."""
    chosen = sorted(rng.sample(range(len(_PEOPLE)), rng.choice((0, 1, 2))))
    entities = [{"id": str(501 + i), "kind": "person"} for i in chosen]
    return {
        "text": ", ".join(_PEOPLE[i] for i in chosen),
        "value": _value({"personsAndTeams": entities} if chosen else None),
        "persons_and_teams": entities,
    }


def team_cell(rng: random.Random) -> Cell:
    """Make a team, or none."""
    team = rng.randrange(len(_TEAMS) + 1)
    if team == len(_TEAMS):
        return {"text": "", "value": None, "team_id": None}
    return {"text": _TEAMS[team], "value": _value({"team_id": 40 + team}), "team_id": 40 + team}


def pair(first: str, second: str, *pairs: tuple[str, str]) -> Callable[[random.Random], Cell]:
    """Make a cell of two fields, such as a link and its text."""

    def make(rng: random.Random) -> Cell:
        if _seldom(rng):
            return {"text": "", "value": None, first: None, second: None}
        one, two = rng.choice(pairs)
        return {"text": one, "value": _value({first: one, second: two}), first: one, second: two}

    return make


def country(rng: random.Random) -> Cell:
    """Make a country."""
    code, name = rng.choice((("PT", "Portugal"), ("CI", "Côte d'Ivoire"), ("JP", "Japan")))
    if _seldom(rng):
        return {"text": "", "value": None, "country": None}
    value = {"countryCode": code, "countryName": name}
    return {"text": name, "value": _value(value), "country": {"code": code, "name": name}}


def location(rng: random.Random) -> Cell:
    """Make a place: coordinates and an address."""
    if _seldom(rng):
        return {"text": "", "value": None, "lat": None, "lng": None, "address": None}
    lat, lng = round(rng.uniform(-60, 60), 6), round(rng.uniform(-170, 170), 6)
    address = rng.choice(("Rua das Flores 12, Porto", "東京都港区1-2-3", "Ängsvägen 3, Borås"))
    value = {"lat": str(lat), "lng": str(lng), "address": address}
    return {"text": address, "value": _value(value), "lat": lat, "lng": lng, "address": address}


def files_cell(rng: random.Random) -> Cell:
    """Make uploaded files and links to files; mostly none."""
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
    return {
        "text": f"https://files.example/{number}",
        "value": _value({"files": []}),
        "files": files,
    }


def linked(ids: str, name: str) -> Callable[[random.Random], Cell]:
    """Make items that are linked, by id and name."""

    def make(rng: random.Random) -> Cell:
        numbers = [rng.randrange(10**6) for _ in range(rng.choice((0, 0, 1, 2)))]
        shown = ", ".join(f"{name} {number}" for number in numbers)
        # monday gives neither text nor value for relations
        return {
            "text": None, "value": None, "display_value": shown,
            ids: [str(8_000_000_000 + number) for number in numbers],
        }  # fmt: skip

    return make


def shown(*choices: str, text: str | None) -> Callable[[random.Random], Cell]:
    """Make what a mirror shows."""
    return lambda rng: {"text": text, "value": None, "display_value": rng.choice(choices)}


def margin(rng: random.Random) -> Cell:
    """Make what a formula shows; its text is always ""."""
    shown = "" if _seldom(rng) else f"{rng.randrange(-500, 6000) / 100}"
    return {"text": "", "value": None, "display_value": shown}


def updated(rng: random.Random) -> Cell:
    """Make the time of a last change."""
    moment = iso(EPOCH + timedelta(minutes=rng.randrange(900_000)))
    return {"text": moment, "value": None, "updated_at": moment}


def one(field: str, *choices: str) -> Callable[[random.Random], Cell]:
    """Make a cell whose one field is its text."""

    def make(rng: random.Random) -> Cell:
        chosen = "" if _seldom(rng) else rng.choice(choices)
        return {"text": chosen, "value": _value({field: chosen} if chosen else None), field: chosen}

    return make
