"""Any payloads, any faults: each key is on the board once, and the results tell the truth."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.testing import texts
from tests.io.monday.writing import Place, place

if TYPE_CHECKING:
    from etl.io.sink import WriteReport

KEYS = [f"PO-{index}" for index in range(9)]
FAULTS = [
    "bad-gateway", "internal", "dropped", "half-json", "html", "locked", "limit-body", "refused",
    "conflict", "unauthorized", "no-board", "list",
]  # fmt: skip
# What these say is that nothing was done.
NOTHING_DONE = {"locked", "limit-body", "refused", "unauthorized", "no-board"}

names = texts(30).map(lambda text: f"x{text}"[:255])
cells = st.fixed_dictionaries(
    {
        "customer": st.none() | texts(20),
        "qty": st.none() | st.decimals(-(10**9), 10**9, places=3),
        "due_date": st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
        "rush": st.none() | st.booleans(),
        "tags": st.none() | st.lists(st.sampled_from(["knit", "woven"])),
        "state": st.none() | st.sampled_from(["Planned", "Done", "Nope"]),
    }
)
SCHEMA = {
    "key": pl.String, "item_name": pl.String, "group": pl.String, "customer": pl.String,
    "qty": pl.Decimal(20, 3), "due_date": pl.Date, "rush": pl.Boolean,
    "tags": pl.List(pl.String), "state": pl.String,
}  # fmt: skip


@st.composite
def payloads(draw: st.DrawFn) -> pl.DataFrame:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=1, max_size=len(KEYS)))
    groups = st.none() | st.sampled_from(["Spring", "Later", "Autumn"])
    rows = [
        {"key": key, "item_name": draw(names), "group": draw(groups), **draw(cells)} for key in keys
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@st.composite
def faults(draw: st.DrawFn) -> dict[str, Any]:
    operation = draw(
        st.sampled_from(["CreateItems"] * 3 + ["Change", "CreateGroup", "Items", None])
    )
    name = draw(st.sampled_from(FAULTS))
    fault = {
        "name": name,
        "operation": operation,
        "times": draw(st.integers(1, 3)),
        "skip": draw(st.integers(0, 1)),
        "upto": 0 if name in NOTHING_DONE else draw(st.none() | st.integers(0, 3)),
    }
    if name == "bad-gateway" and draw(st.booleans()):
        fault |= {"late": draw(st.integers(1, 2)), "times": 1, "operation": "CreateItems"}
    return fault


steps = st.lists(
    st.tuples(payloads(), st.lists(faults(), min_size=1, max_size=3), st.booleans()),
    min_size=1,
    max_size=3,
)


def board(there: Place) -> dict[str, dict[str, Any]]:
    """The items by key; a key that is there twice is the failure that all this is about."""
    found = dict(zip(there.keys(), there.items(), strict=True))
    assert len(found) == len(there.items()), there.keys()
    return found


def holds(there: Place, item: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether an item has everything that a payload wants; null leaves a cell as it is."""
    cell = {one["id"]: one for one in item["column_values"]}
    wants = {
        "customer": lambda: cell["customer"]["text"] == row["customer"],
        "qty": lambda: Decimal(cell["qty"]["text"]) == row["qty"],
        "due_date": lambda: cell["due_date"]["date"] == row["due_date"].isoformat(),
        "rush": lambda: cell["rush"]["checked"] == row["rush"],
        "tags": lambda: {one["label"] for one in cell["tags"]["values"]} == set(row["tags"]),
        "state": lambda: cell["state"]["label"] == row["state"],
    }
    return item["name"] == row["item_name"] and all(
        same() for name, same in wants.items() if row[name] not in (None, "", [])
    )


def check(there: Place, frame: pl.DataFrame, before: dict[str, Any], report: WriteReport) -> None:
    after = board(there)
    for row, told in zip(frame.to_dicts(), report.results.to_dicts(), strict=True):
        key = row["key"]
        if told["status"] == "done":
            assert int(after[key]["id"]) == told["item_id"]
            assert holds(there, after[key], row)
            assert (told["action"] == "created") == (key not in before)
            if told["action"] == "unchanged":
                assert after[key] == before[key]
        elif told["attempts"] == 0 or told["error_type"] == "rejected":
            # The rest may have been done: that is what "retryable" says.
            assert after.get(key) == before.get(key)
        if row["state"] == "Nope":
            assert told["status"] != "done"
    assert {key: after.get(key) for key in before if key not in frame["key"]} == {
        key: item for key, item in before.items() if key not in frame["key"]
    }


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_each_key_is_on_the_board_once_and_the_results_are_true(
    writes: list[tuple[pl.DataFrame, list[dict[str, Any]], bool]],
) -> None:
    with place() as there:
        there.attempts = 3
        for frame, struck, forgets in writes:
            late = any("late" in fault for fault in struck)
            # Work that is under way and forgotten at once: nobody could know of it.
            there.server.forgets = forgets and not late
            for fault in struck:
                there.server.fail(**fault)
            before = board(there)
            report = there.write(frame, batch=4)
            there.server.faults.clear()
            assert there.server.idle()
            check(there, frame, before, report)
        for frame, _, _ in writes:
            before = board(there)
            report = there.write(frame)
            check(there, frame, before, report)
            valid = frame["state"].ne_missing(pl.Series(["Nope"]).new_from_index(0, frame.height))
            assert (report.results["status"] == "done").equals(valid.rename("status"))
        titles = [group["title"] for group in there.store.groups("201")]
        assert len(titles) == len(set(titles))
