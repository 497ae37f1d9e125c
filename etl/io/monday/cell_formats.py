"""How cells are written, as data: one entry a column type, beside the table they are read by.

An entry says which kinds of values a type takes, and makes of each the JSON that monday wants. Of
a cell that was read it makes that JSON too (``live``): what is on the board already is then seen by
comparing the two. ``csv`` is the same value as the bulk import wants it; None where that route does
not take the type.

The formats are those of https://developer.monday.com/api-reference/docs/change-column-values and of
the bulk import (https://developer.monday.com/api-reference/docs/importing-items-in-bulk).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from etl.io.monday.column_types import column_type

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

__all__ = ["CELL_FORMATS", "CellFormat", "PayloadKind", "as_json", "payload_kind"]

PayloadKind = Literal[
    "text", "number", "flag", "date", "datetime", "time", "names", "ids", "dates", "null"
]
"""What a column of payloads holds: ``names`` are lists of texts, ``ids`` of whole numbers."""

_TEXT_MOST: Final = 2000
_PHONE: Final = re.compile(r"(?P<phone>\+?[0-9][0-9 ()./-]{2,30}?)(?: (?P<country>[A-Z]{2}))?")


@dataclass(frozen=True, kw_only=True)
class CellFormat:
    """How one column type is written.

    ``takes`` maps each kind of value to the way from a value to monday's JSON; a value that the
    type can't hold raises ValueError with a reason. ``live`` gives of a cell that was read the JSON
    that would have made it, None where it is empty; it needs the fields of ``parts``. ``empty`` is
    the JSON that empties a cell.
    """

    takes: Mapping[PayloadKind, Callable[[Any], Any]]
    live: Callable[[Mapping[str, Any]], Any]
    parts: tuple[str, ...]
    csv: Callable[[Any], str] | None = None
    empty: Any = None

    def selections(self, type_name: str) -> list[tuple[str | None, str]]:
        """What to ask for of a cell, so that ``live`` can be told."""
        known = column_type(type_name)
        return [(known.typename, known.parts[part].selection) for part in self.parts]


def payload_kind(dtype: pl.DataType) -> PayloadKind | None:
    """Say what a column of payloads holds; None for what no board column takes.

    A Datetime without a zone is none: nobody could tell which moment it is.

    >>> payload_kind(pl.Decimal(12, 2)), payload_kind(pl.Datetime("us"))
    ('number', None)
    """
    if isinstance(dtype, pl.Datetime):
        return None if dtype.time_zone is None else "datetime"
    if isinstance(dtype, pl.List):
        of = dtype.inner() if isinstance(dtype.inner, type) else dtype.inner
        inner = payload_kind(of)
        if inner == "number" and not of.is_integer():
            return None
        lists: Mapping[PayloadKind | None, PayloadKind] = {
            "text": "names", "number": "ids", "date": "dates", "null": "null"
        }  # fmt: skip
        return lists.get(inner)
    simple: tuple[tuple[type[pl.DataType], PayloadKind], ...] = (
        (pl.String, "text"), (pl.Enum, "text"), (pl.Categorical, "text"), (pl.Boolean, "flag"),
        (pl.Date, "date"), (pl.Time, "time"), (pl.Null, "null"),
    )  # fmt: skip
    found = next((kind for known, kind in simple if isinstance(dtype, known)), None)
    return "number" if found is None and dtype.is_numeric() else found


def _text(value: str) -> str:
    if len(value) > _TEXT_MOST:
        raise ValueError(f"a text of {len(value)} characters; monday.com takes {_TEXT_MOST}")
    return value


def _number(value: Any) -> str:
    """Write a number plainly, the same for equal numbers: no exponent, no zeros at the end."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number")
        value = repr(value)
    text = format(Decimal(value).normalize(), "f")
    return "0" if text == "-0" else text


def _typed_number(value: str) -> str:
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        raise ValueError(f"{value!r:.40} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r:.40} is no number")
    return _number(number)


def _whole(value: Any) -> int:
    if not math.isfinite(value) or value != int(value) or value < 0:
        raise ValueError(f"{value} is no whole number from 0 on")
    return int(value)


def _date(value: dt.date) -> dict[str, str]:
    return {"date": _day(value)}


def _day(value: dt.date) -> str:
    return value.isoformat()


def _moment(value: dt.datetime) -> dict[str, str]:
    if value.microsecond:
        raise ValueError(f"{value.isoformat()} has fractions of a second, which a board can't hold")
    return {"date": value.date().isoformat(), "time": value.strftime("%H:%M:%S")}


def _pair(values: list[Any], what: str) -> tuple[Any, Any]:
    if len(values) != 2 or None in values:
        raise ValueError(f"{len(values)} values; it takes two, {what}")
    return values[0], values[1]


def _span(first: str, last: str) -> Callable[[Any], dict[str, str]]:
    def write(values: list[dt.date]) -> dict[str, str]:
        start, end = _pair(values, "the first and the last day")
        if end < start:
            raise ValueError(f"the last day, {end}, is before the first, {start}")
        return {first: _day(start), last: _day(end)}

    return write


def _labels(values: list[str]) -> dict[str, list[str]]:
    if None in values or any(not value.strip() for value in values):
        raise ValueError("a label that is empty")
    return {"labels": sorted(set(values))}


def _id_list(name: str) -> Callable[[Any], dict[str, list[int]]]:
    def write(values: list[int]) -> dict[str, list[int]]:
        if any(value is None or value <= 0 for value in values):
            raise ValueError("an id that is none")
        return {name: sorted(set(values))}

    return write


def _persons(values: list[int]) -> dict[str, list[dict[str, Any]]]:
    ids = _id_list("ids")(values)["ids"]
    return {"personsAndTeams": [{"id": one, "kind": "person"} for one in ids]}


def _email(value: str) -> dict[str, str]:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ValueError(f"{value!r:.60} is no email address")
    return {"email": value, "text": value}


def _phone(value: str) -> dict[str, str]:
    found = _PHONE.fullmatch(value)
    if found is None:
        raise ValueError(f"{value!r:.40} is no phone number, such as '+351220000001 PT'")
    return {"phone": found["phone"], "countryShortName": found["country"] or ""}


def _link(value: str) -> dict[str, str]:
    if not re.fullmatch(r"https?://\S+", value):
        raise ValueError(f"{value!r:.60} is no web address")
    return {"url": value, "text": value}


def _country(values: list[str]) -> dict[str, str]:
    code, name = _pair(values, "the code and the name")
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise ValueError(f"{code!r:.20} is no country's code of two capitals")
    return {"countryCode": code, "countryName": name}


# From a cell to the JSON that would have made it.


def _read(type_name: str, part: str) -> Callable[[Mapping[str, Any]], Any]:
    return column_type(type_name).parts[part].read


def _live(
    type_name: str, part: str, make: Callable[[Any], Any] = lambda value: value
) -> Callable[[Mapping[str, Any]], Any]:
    read = _read(type_name, part)

    def live(cell: Mapping[str, Any]) -> Any:
        value = read(cell)
        return None if value is None or value == [] else make(value)

    return live


def _live_number(cell: Mapping[str, Any]) -> str | None:
    text = cell["text"]
    return None if text is None or not text.strip() else _typed_number(text.replace(",", ""))


def _live_moment(text: str) -> dict[str, str]:
    date, _, time = text.partition(" ")
    return {"date": date, "time": time} if time else {"date": date}


def _live_span(type_name: str, first: str, last: str) -> Callable[[Mapping[str, Any]], Any]:
    start, end = _read(type_name, "from"), _read(type_name, "to")

    def live(cell: Mapping[str, Any]) -> Any:
        if start(cell) is None:
            return None
        return {first: str(start(cell))[:10], last: str(end(cell))[:10]}

    return live


def _live_persons(cell: Mapping[str, Any]) -> Any:
    found = cell["persons_and_teams"]
    if not found:
        return None
    entities = [{"id": int(one["id"]), "kind": one["kind"]} for one in found]
    return {"personsAndTeams": sorted(entities, key=lambda one: one["id"])}


def _live_phone(cell: Mapping[str, Any]) -> Any:
    phone = cell["phone"]
    if not phone:
        return None
    return {"phone": phone, "countryShortName": cell["country_short_name"] or ""}


def _live_country(cell: Mapping[str, Any]) -> Any:
    country = cell["country"]
    if not country:
        return None
    return {"countryCode": country["code"], "countryName": country["name"]}


def _week(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        inner = make(value)
        return None if inner is None else {"week": inner}

    return write


def _csv_labels(value: Any) -> str:
    if any("," in label for label in value["labels"]):
        raise ValueError("a label with a comma in it")
    return ", ".join(value["labels"])


def _relation(type_name: str) -> CellFormat:
    return CellFormat(
        takes={"ids": _id_list("item_ids")},
        live=_live(type_name, "ids", lambda ids: {"item_ids": sorted(ids)}),
        parts=("ids",),
    )


CELL_FORMATS: Final[Mapping[str, CellFormat]] = MappingProxyType(
    {
        "text": CellFormat(
            takes={"text": _text, "number": _number},
            live=_live("text", "text"),
            parts=("text",),
            csv=str,
        ),
        "long_text": CellFormat(
            takes={"text": lambda value: {"text": _text(value)}},
            live=_live("long_text", "text", lambda text: {"text": text}),
            parts=("text",),
            csv=lambda value: str(value["text"]),
        ),
        "numbers": CellFormat(
            takes={"number": _number, "text": _typed_number},
            live=_live_number,
            parts=("text",),
            csv=str,
        ),
        "status": CellFormat(
            takes={"text": lambda value: {"label": _text(value)}},
            live=_live("status", "label", lambda label: {"label": label}),
            parts=("label",),
            csv=lambda value: str(value["label"]),
        ),
        "dropdown": CellFormat(
            takes={"text": lambda value: _labels([value]), "names": _labels},
            live=_live("dropdown", "labels", lambda labels: {"labels": sorted(labels)}),
            parts=("labels",),
            csv=_csv_labels,
        ),
        "tags": CellFormat(
            takes={"ids": _id_list("tag_ids")},
            live=_live("tags", "ids", lambda ids: {"tag_ids": sorted(ids)}),
            parts=("ids",),
        ),
        "date": CellFormat(
            takes={"date": _date, "datetime": _moment},
            live=_live("date", "date", _live_moment),
            parts=("date",),
            csv=lambda value: f"{value['date']} {value.get('time', '')}".strip(),
        ),
        "timeline": CellFormat(
            takes={"dates": _span("from", "to")},
            live=_live_span("timeline", "from", "to"),
            parts=("from", "to"),
            csv=lambda value: f"{value['from']}/{value['to']}",
        ),
        "week": CellFormat(
            takes={"dates": _week(_span("startDate", "endDate"))},
            live=_week(_live_span("week", "startDate", "endDate")),
            parts=("from", "to"),
        ),
        "hour": CellFormat(
            takes={"time": lambda value: {"hour": value.hour, "minute": value.minute}},
            live=_live("hour", "time", lambda at: {"hour": at.hour, "minute": at.minute}),
            parts=("time",),
        ),
        "checkbox": CellFormat(
            takes={"flag": lambda value: {"checked": "true" if value else "false"}},
            live=lambda cell: {"checked": "true" if cell["checked"] else "false"},
            parts=("checked",),
            empty={"checked": "false"},
        ),
        "rating": CellFormat(
            takes={"number": lambda value: {"rating": _whole(value)}},
            live=_live("rating", "rating", lambda rating: {"rating": rating}),
            parts=("rating",),
        ),
        "people": CellFormat(
            takes={"ids": _persons},
            live=_live_persons,
            parts=("entities",),
        ),
        "email": CellFormat(
            takes={"text": _email},
            live=_live("email", "email", lambda value: {"email": value, "text": value}),
            parts=("email",),
            csv=lambda value: str(value["email"]),
        ),
        "phone": CellFormat(
            takes={"text": _phone},
            live=_live_phone,
            parts=("phone", "country"),
        ),
        "link": CellFormat(
            takes={"text": _link},
            live=_live("link", "url", lambda value: {"url": value, "text": value}),
            parts=("url",),
            csv=lambda value: f"[{value['text']}]({value['url']})",
        ),
        "country": CellFormat(
            takes={"names": _country},
            live=_live_country,
            parts=("code",),
        ),
        "board_relation": _relation("board_relation"),
        "dependency": _relation("dependency"),
    }
)
"""By the name that monday gives the type; other types can't be written."""


def as_json(value: Any) -> str:
    """Write JSON the same way for the same value, whatever the order of its names.

    >>> as_json({"to": 2, "from": 1})
    '{"from":1,"to":2}'
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
