"""What monday makes of a value that is written: the cell as it is read afterwards.

Boards that are kept here (:mod:`etl.io.monday.board_store`) need it, those of the sample and those
of the tests' server. It is monday's side, so it does not look at how the client writes a value.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["TYPENAMES", "BadValue", "checked", "written_cell"]


class BadValue(ValueError):  # noqa: N818 - named as monday names it
    """A value that a column of this type does not take."""


def _get(value: Any, name: str, kind: type | tuple[type, ...] = str) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get(name), kind):
        raise BadValue(f"{name} is missing or of another type in {value!r:.80}")
    return value[name]


def _day(text: Any) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise BadValue(f"{text!r:.40} is no date")
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{text} is no date") from None
    return text


def _cell(text: str | None, value: Any, **fields: Any) -> dict[str, Any]:
    raw = None if value is None else json.dumps(value, ensure_ascii=False)
    return {"text": text, "value": raw, **fields}


def _text(value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, str):
        raise BadValue(f"{value!r:.40} is no text")
    return _cell(value or "", value or None)


def _long_text(value: Any) -> dict[str, Any]:
    text = _get(value, "text") if value else ""
    return _cell(text, {"text": text} if text else None)


def _numbers(value: Any) -> dict[str, Any]:
    if value in (None, ""):
        return _cell("", None, number=None, symbol=None)
    if not isinstance(value, str) or not re.fullmatch(r"-?\d+(\.\d+)?", value):
        raise BadValue(f"{value!r:.40} is no number")
    return _cell(value, value, number=float(value), symbol=None)


def _status(value: Any) -> dict[str, Any]:
    if not value:
        return _cell(None, None, label=None, index=None, is_done=None)
    label = _get(value, "label")
    return _cell(label, {"index": 1}, label=label, index=1, is_done=False)


def _dropdown(value: Any) -> dict[str, Any]:
    labels = _get(value, "labels", list) if value else []
    chosen = [{"id": str(index + 1), "label": label} for index, label in enumerate(labels)]
    return _cell(", ".join(labels) or None, {"ids": []} if labels else None, values=chosen)


def _tags(value: Any) -> dict[str, Any]:
    ids = _get(value, "tag_ids", list) if value else []
    tags = [{"id": str(one), "name": f"tag {one}"} for one in ids]
    return _cell(", ".join(tag["name"] for tag in tags), value or None, tags=tags)


def _date(value: Any) -> dict[str, Any]:
    if not value:
        return _cell("", None, date="", time="")
    day, time = _day(_get(value, "date")), value.get("time") or None
    if time is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", time):
        raise BadValue(f"{time!r:.20} is no time")
    raw = {"date": day, "time": time}
    return _cell(f"{day} {time[:5]}" if time else day, raw, date=day, time=time or "")


def _span(first: str, last: str, names: tuple[str, str]) -> Callable[[Any], dict[str, Any]]:
    def make(value: Any) -> dict[str, Any]:
        if value and "week" in value:
            value = value["week"]
        if not value:
            return _cell("", None, **dict.fromkeys(names))
        start, end = _day(_get(value, first)), _day(_get(value, last))
        return _cell(f"{start} - {end}", value, **dict(zip(names, (start, end), strict=True)))

    return make


def _hour(value: Any) -> dict[str, Any]:
    if not value:
        return _cell("", None, hour=None, minute=None)
    hour, minute = _get(value, "hour", int), _get(value, "minute", int)
    return _cell(f"{hour:02}:{minute:02}", value, hour=hour, minute=minute)


def _checkbox(value: Any) -> dict[str, Any]:
    checked = bool(value) and str(_get(value, "checked", (str, bool))).lower() == "true"
    return _cell("v" if checked else "", {"checked": True} if checked else None, checked=checked)


def _rating(value: Any) -> dict[str, Any]:
    rating = _get(value, "rating", int) if value else None
    return _cell("" if rating is None else str(rating), value, rating=rating)


def _people(value: Any) -> dict[str, Any]:
    entities = _get(value, "personsAndTeams", list) if value else []
    found = [{"id": str(one["id"]), "kind": one["kind"]} for one in entities]
    return _cell(", ".join(f"User {one['id']}" for one in found), value, persons_and_teams=found)


def _email(value: Any) -> dict[str, Any]:
    if not value:
        return _cell("", None, email=None, label=None)
    return _cell(value.get("text", ""), value, email=_get(value, "email"), label=value.get("text"))


def _phone(value: Any) -> dict[str, Any]:
    if not value:
        return _cell("", None, phone=None, country_short_name=None)
    phone, country = _get(value, "phone"), value.get("countryShortName") or None
    return _cell(phone, value, phone=phone, country_short_name=country)


def _link(value: Any) -> dict[str, Any]:
    if not value:
        return _cell("", None, url=None, url_text=None)
    url = _get(value, "url")
    return _cell(f"{value.get('text')} - {url}", value, url=url, url_text=value.get("text"))


def _country(value: Any) -> dict[str, Any]:
    if not value:
        return _cell("", None, country=None)
    found = {"code": _get(value, "countryCode"), "name": _get(value, "countryName")}
    return _cell(found["name"], value, country=found)


def _relation(value: Any) -> dict[str, Any]:
    ids = [str(one) for one in _get(value, "item_ids", list)] if value else []
    shown = ", ".join(f"Item {one}" for one in ids)
    return _cell(None, value, linked_item_ids=ids, display_value=shown)


_CELLS: Final[Mapping[str, tuple[str, Callable[[Any], dict[str, Any]]]]] = {
    "text": ("TextValue", _text),
    "long_text": ("LongTextValue", _long_text),
    "numbers": ("NumbersValue", _numbers),
    "status": ("StatusValue", _status),
    "dropdown": ("DropdownValue", _dropdown),
    "tags": ("TagsValue", _tags),
    "date": ("DateValue", _date),
    "timeline": ("TimelineValue", _span("from", "to", ("from", "to"))),
    "week": ("WeekValue", _span("startDate", "endDate", ("start_date", "end_date"))),
    "hour": ("HourValue", _hour),
    "checkbox": ("CheckboxValue", _checkbox),
    "rating": ("RatingValue", _rating),
    "people": ("PeopleValue", _people),
    "email": ("EmailValue", _email),
    "phone": ("PhoneValue", _phone),
    "link": ("LinkValue", _link),
    "country": ("CountryValue", _country),
    "board_relation": ("BoardRelationValue", _relation),
    "dependency": ("DependencyValue", _relation),
}
TYPENAMES: Final[Mapping[str, str]] = {name: typename for name, (typename, _) in _CELLS.items()}
"""The GraphQL type of each column type that can be written."""


def written_cell(type_name: str, column_id: str, value: Any) -> dict[str, Any]:
    """Make the cell that is read after a value was written.

    Raises
    ------
    BadValue
        monday would refuse it.

    Examples
    --------
    >>> written_cell("numbers", "qty", "40")["number"]
    40.0
    >>> written_cell("numbers", "qty", "forty")
    Traceback (most recent call last):
    etl.io.monday._written_cells.BadValue: 'forty' is no number
    """
    if type_name not in _CELLS:
        raise BadValue(f"columns of type {type_name} are not written")
    typename, make = _CELLS[type_name]
    return {"id": column_id, "type": type_name, "__typename": typename, **make(value)}


def checked(type_name: str, value: Any, labels: list[str] | None) -> None:
    """Refuse a value that a column does not take; ``labels`` are those it has, None for any.

    Raises
    ------
    BadValue
        Of another shape, or a label that is not there.
    """
    written_cell(type_name, "", value)
    if labels is None or not value or type_name not in ("status", "dropdown"):
        return
    asked = [value["label"]] if type_name == "status" else value["labels"]
    unknown = [label for label in asked if label not in labels]
    if unknown:
        raise BadValue(f"the label {unknown[0]!r} does not exist")
