"""monday's column types as data: what to ask of a cell, and how to read the answer.

A type has one or more *parts*: a timeline has ``from`` and ``to``, a location ``lat``, ``lng`` and
``address``. A part names the fields it needs (they go into the query document) and reads one cell
into a plain value. Types that are not in the table, new ones too, are read as their ``text``.

The facts are those of monday's schema 2026-10 and of its column reference
(https://developer.monday.com/api-reference/reference/column-types-reference).
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["COLUMN_TYPES", "ColumnType", "Kind", "Part", "column_type"]

Kind = Literal[
    "text", "number", "integer", "flag", "time", "date", "datetime", "moment", "names", "ids"
]
"""What a part's values are: ``moment`` is a date, or a time in UTC where one is set."""


@dataclass(frozen=True)
class Part:
    """One value of a cell: its kind, the fields to ask for, and the way from cell to value.

    ``read`` gives None for an empty cell, and raises KeyError, TypeError or ValueError for one of
    another shape; whoever calls it knows the item and the column, and says so.
    """

    kind: Kind
    selection: str
    read: Callable[[Mapping[str, Any]], Any] = field(repr=False)


@dataclass(frozen=True)
class ColumnType:
    """A column type: its GraphQL type, its parts, and those a plain read gives.

    ``default`` maps a suffix of the column's name to a part. ``main`` is the part that is meant
    when none is named; None where there is no such part (a timeline has two dates).
    """

    typename: str | None
    parts: Mapping[str, Part]
    main: str | None
    default: Mapping[str, str]
    delivered: bool = True
    """False: the API knows the column but never sends its cells."""


def _text(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(cell: Mapping[str, Any]) -> Any:
        value = cell[name]
        return None if value == "" else value

    return read


def _plain(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda cell: cell[name]


def _identifier(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    raise TypeError(f"{value!r:.60} is no id")


def _id(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(cell: Mapping[str, Any]) -> Any:
        value = cell[name]
        return None if value is None or value == "" else _identifier(value)

    return read


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.60} is no list")
    return value


def _ids(name: str, inner: str | None = None) -> Callable[[Mapping[str, Any]], Any]:
    def read(cell: Mapping[str, Any]) -> Any:
        value = cell[name]
        if not value and (value is None or value == []):
            return None
        return [_identifier(one if inner is None else one[inner]) for one in _list(value)]

    return read


def _names(name: str, inner: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(cell: Mapping[str, Any]) -> Any:
        value = cell[name]
        if not value and (value is None or value == []):
            return None
        return [one[inner] for one in _list(value)]

    return read


def _inner(name: str, inner: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(cell: Mapping[str, Any]) -> Any:
        value = cell[name]
        return None if value is None or value[inner] == "" else value[inner]

    return read


def _as_json(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(cell: Mapping[str, Any]) -> Any:
        value = cell[name]
        if value is None or value == []:
            return None
        return json.dumps(_list(value), ensure_ascii=False)

    return read


def _raw(cell: Mapping[str, Any]) -> Any:
    """Give ``value`` as an object: monday sends JSON in a string, a proxy may have unpacked it."""
    value = cell["value"]
    if isinstance(value, str):
        return from_json(value) if value else None
    return value


def _raw_text(cell: Mapping[str, Any]) -> Any:
    value = cell["value"]
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _changed_at(cell: Mapping[str, Any]) -> Any:
    raw = _raw(cell)
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise TypeError(f"{raw!r:.60} is no object")
    return raw.get("changed_at") or None


def _moment(cell: Mapping[str, Any]) -> Any:
    """Read a date column from ``value``, which is in UTC (``text`` is in the token owner's zone)."""
    raw = _raw(cell)
    if raw is not None and not isinstance(raw, dict):
        raise TypeError(f"{raw!r:.60} is no object")
    source: Mapping[str, Any] = raw if raw and raw.get("date") else cell
    date, time = source.get("date"), source.get("time")
    if date is None or date == "":
        return None
    if not isinstance(date, str) or not isinstance(time, str | None):
        raise TypeError(f"{date!r:.60}, {time!r:.60} is no date and time")
    return f"{date} {time}" if time else date


def _hour(cell: Mapping[str, Any]) -> Any:
    hour = cell["hour"]
    return None if hour is None else dt.time(hour, cell["minute"] or 0)


def _team(cell: Mapping[str, Any]) -> Any:
    text, team = cell["text"], cell["team_id"]
    if text is None or text == "":
        return None if team is None else str(_identifier(team))
    return text


_TEXT: Final = Part("text", "text", _text("text"))
# Every type has these, whatever else it has.
_COMMON: Final = {
    "text": _TEXT,
    "value": Part("text", "value", _raw_text),
    "changed_at": Part("datetime", "value", _changed_at),
}


def _type(typename: str | None, main: str | None, **parts: Part) -> ColumnType:
    """Make a type that has one value, the part ``main``, beside the parts that all types have."""
    return ColumnType(
        typename,
        MappingProxyType({**_COMMON, **parts}),
        main,
        MappingProxyType({"": main} if main else {f"_{name}": name for name in parts}),
    )


def _field(kind: Kind, name: str) -> Part:
    return Part(kind, name, _text(name) if kind in ("text", "date", "datetime") else _plain(name))


def _one(typename: str, kind: Kind, name: str, **parts: Part) -> ColumnType:
    return _type(typename, name, **{name: _field(kind, name)}, **parts)


_RELATION: Final = {"ids": Part("ids", "linked_item_ids", _ids("linked_item_ids"))}
_FILES: Final = (
    "files { __typename"
    " ... on FileAssetValue { asset_id name is_image created_at }"
    " ... on FileDocValue { file_id object_id url created_at }"
    " ... on FileLinkValue { file_id name url created_at }"
    " ... on FileAssetInvalidValue { asset_id error created_at } }"
)
_UNKNOWN: Final = _type(None, "text")

COLUMN_TYPES: Final[Mapping[str, ColumnType]] = MappingProxyType(
    {
        "text": _type("TextValue", "text"),
        "long_text": _type("LongTextValue", "text"),
        "progress": _type("ProgressValue", "text"),
        "numbers": _one("NumbersValue", "number", "number", symbol=_field("text", "symbol")),
        "status": _one(
            "StatusValue",
            "text",
            "label",
            index=_field("integer", "index"),
            is_done=_field("flag", "is_done"),
        ),
        "dropdown": _type(
            "DropdownValue",
            "labels",
            labels=Part("names", "values { label }", _names("values", "label")),
            ids=Part("ids", "values { id }", _ids("values", "id")),
        ),
        "tags": _type(
            "TagsValue",
            "names",
            names=Part("names", "tags { name }", _names("tags", "name")),
            ids=Part("ids", "tags { id }", _ids("tags", "id")),
        ),
        "date": _type("DateValue", "date", date=Part("moment", "value date time", _moment)),
        "timeline": _type(
            "TimelineValue", None, **{"from": _field("date", "from"), "to": _field("date", "to")}
        ),
        "week": _type(
            "WeekValue",
            None,
            **{
                "from": Part("date", "start_date", _text("start_date")),
                "to": Part("date", "end_date", _text("end_date")),
            },
        ),
        "hour": _type("HourValue", "time", time=Part("time", "hour minute", _hour)),
        "checkbox": _one("CheckboxValue", "flag", "checked"),
        "rating": _one("RatingValue", "integer", "rating"),
        "vote": _one("VoteValue", "integer", "vote_count"),
        "people": _type(
            "PeopleValue",
            "text",
            entities=Part("text", "persons_and_teams { id kind }", _as_json("persons_and_teams")),
        ),
        "team": _type(
            "TeamValue",
            "name",
            name=Part("text", "text team_id", _team),
            id=Part("integer", "team_id", _id("team_id")),
        ),
        "email": _one("EmailValue", "text", "email", label=_field("text", "label")),
        "phone": _one(
            "PhoneValue",
            "text",
            "phone",
            country=Part("text", "country_short_name", _text("country_short_name")),
        ),
        "link": _one("LinkValue", "text", "url", label=Part("text", "url_text", _text("url_text"))),
        # LocationValue has a `country` of another type, which would clash: it is never asked for.
        "country": _type(
            "CountryValue",
            "name",
            name=Part("text", "country { code name }", _inner("country", "name")),
            code=Part("text", "country { code name }", _inner("country", "code")),
        ),
        "location": ColumnType(
            "LocationValue",
            MappingProxyType(
                {
                    **_COMMON,
                    "lat": _field("number", "lat"),
                    "lng": _field("number", "lng"),
                    "address": _field("text", "address"),
                }
            ),
            "address",
            MappingProxyType({"": "address", "_lat": "lat", "_lng": "lng"}),
        ),
        "file": _type("FileValue", "files", files=Part("text", _FILES, _as_json("files"))),
        "item_id": _type(
            "ItemIdValue", "item_id", item_id=Part("integer", "item_id", _id("item_id"))
        ),
        "creation_log": _one("CreationLogValue", "datetime", "created_at"),
        "last_updated": _one("LastUpdatedValue", "datetime", "updated_at"),
        "time_tracking": _one("TimeTrackingValue", "integer", "duration"),
        "board_relation": _one("BoardRelationValue", "text", "display_value", **_RELATION),
        "dependency": _one("DependencyValue", "text", "display_value", **_RELATION),
        "mirror": _one("MirrorValue", "text", "display_value"),
        "formula": _one("FormulaValue", "text", "display_value"),
        "subtasks": _type(
            "SubtasksValue",
            "ids",
            ids=Part("ids", "subitems_ids", _ids("subitems_ids")),
            names=Part("text", "display_value", _text("display_value")),
        ),
        "world_clock": _one("WorldClockValue", "text", "timezone"),
        "button": _one("ButtonValue", "text", "label"),
        "color_picker": _one("ColorPickerValue", "text", "color"),
        "auto_number": ColumnType(
            None,
            MappingProxyType({"number": Part("integer", "", lambda _cell: None)}),
            "number",
            MappingProxyType({"": "number"}),
            delivered=False,
        ),
    }
)
"""By the name that monday gives the type in ``boards.columns``."""


def column_type(name: str) -> ColumnType:
    """Find a column type; one that nobody has heard of is read as its text.

    Examples
    --------
    >>> sorted(column_type("timeline").default.values())
    ['from', 'to']
    >>> column_type("hologram").main
    'text'
    """
    return COLUMN_TYPES.get(name, _UNKNOWN)
