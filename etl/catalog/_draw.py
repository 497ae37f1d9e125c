"""The pictures, as SVG: the lineage graph, bars of runs, and the hours of a day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from etl.catalog._html import Element, el
from etl.catalog._layout import Edge, place_nodes
from etl.catalog._model import Place
from etl.catalog._words import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.catalog._layout import Layout, Route
    from etl.catalog._model import Catalog, JobEntry

__all__ = ["KINDS", "Bar", "bars", "day", "hours", "lineage", "symbol"]

KINDS: Final = {
    "board": "board",
    "table": "table",
    "file": "file",
    "workbooks": "workbooks",
    "job": "job",
}
"""What a node of the graph can be, and what the page calls it."""

_WIDTH, _HEIGHT, _BETWEEN, _MARGIN = 222, 42, 66, 12
_NAME_LENGTH: Final = 24
_SYMBOLS: Final = {
    "board": "M1.5 2.5h11v9h-11zM1.5 5.5h11M5.2 5.5v6M8.9 5.5v6",
    "table": "M1.5 3.5c0-2.6 11-2.6 11 0v7c0 2.6-11 2.6-11 0zM1.5 3.5c0 2.6 11 2.6 11 0M1.5 7c0 2.6 11 2.6 11 0",
    "file": "M3 1.5h5.5l3 3v8H3zM8.5 1.5v3h3M5 7.5h4.5M5 10h4.5",
    "workbooks": "M1.5 1.5h11v11h-11zM4.5 5l5 5.5M9.5 5l-5 5.5",
    "job": "M3.5 2l8 5-8 5z",
}


def symbol(kind: str, *, standing_alone: bool = True) -> Element:
    """The sign of a kind: shape tells it too, and not colour alone."""
    path = el("path", d=_SYMBOLS[kind])
    if not standing_alone:
        return path
    return el(
        "svg", path, class_=f"symbol {kind}", viewBox="0 0 14 14", width=14, height=14, aria_hidden="true"
    )  # fmt: skip


def lineage(catalog: Catalog) -> Element:
    """Draw which job reads and writes what; every job and every place is a node that links to its section."""
    places = {place.id: place for place in catalog.places}
    jobs = {job.id: job for job in catalog.jobs}
    # By kind and name: what decides where nothing else does.
    order = ("board", "table", "file", "workbooks")
    nodes = [*sorted(places, key=lambda id_: (order.index(places[id_].kind), id_)), *jobs]
    layout = place_nodes(nodes, _edges(catalog), gap=_HEIGHT + 16, pass_gap=_HEIGHT / 2 + 16)
    width = len(layout.layers) * (_WIDTH + _BETWEEN) - _BETWEEN + 2 * _MARGIN
    height = layout.height + _HEIGHT + 2 * _MARGIN
    columns = {name: at for at, layer in enumerate(layout.layers) for name in layer}
    return el(
        "svg",
        el("g", _routes(layout), class_="edges", aria_hidden="true"),
        [_node(node, places.get(node) or jobs[node], columns[node], layout) for node in nodes],
        class_="lineage-graph",
        viewBox=f"0 0 {width} {height:g}",
        width=width,
        height=f"{height:g}",
        role="group",
        aria_label="Lineage: what each job reads and writes",
    )


def _edges(catalog: Catalog) -> list[Edge]:
    found: list[Edge] = []
    for job in catalog.jobs:
        reads = {link.place.id for link in job.links if not link.writes}
        writes = dict.fromkeys(link.place.id for link in job.links if link.writes)
        found += [Edge(id_, job.id) for id_ in dict.fromkeys(
            link.place.id for link in job.links if not link.writes
        ) if id_ not in writes]  # fmt: skip
        found += [Edge(job.id, id_, both=id_ in reads) for id_ in writes]
    return found


def _left(column: int) -> float:
    return _MARGIN + column * (_WIDTH + _BETWEEN)


def _routes(layout: Layout) -> list[Element]:
    starts = _ports(layout.routes, end=False)
    ends = _ports(layout.routes, end=True)
    drawn = []
    for number, route in enumerate(layout.routes):
        top = _MARGIN + _HEIGHT / 2
        heights = [y + top for y in route.path]
        heights[0] += starts[number]
        heights[-1] += ends[number]
        x, y = _left(route.first) + _WIDTH, heights[0]
        line = [f"M{x:g} {y:.1f}"]
        for step, below in enumerate(heights[1:], start=1):
            left = _left(route.first + step)
            bend = (left - x) / 2
            line.append(f"C{x + bend:g} {y:.1f} {left - bend:g} {below:.1f} {left:g} {below:.1f}")
            x, y = left, below
            if step < len(heights) - 1:
                x += _WIDTH
                line.append(f"H{x:g}")
        heads = []
        if not route.backwards or route.edge.both:
            heads.append(f"M{x:g} {y:.1f}l-7 -3.5v7z")
        if route.backwards or route.edge.both:
            heads.append(f"M{_left(route.first) + _WIDTH:g} {heights[0]:.1f}l7 -3.5v7z")
        drawn.append(
            el(
                "g",
                el("path", class_="line", d="".join(line)),
                el("path", class_="head", d="".join(heads)),
                class_="edge" + (" both" if route.edge.both else ""),
                data_from=route.edge.source,
                data_to=route.edge.target,
            )
        )
    return drawn


def _ports(routes: Sequence[Route], *, end: bool) -> list[float]:
    """Where on a node's side each route begins or ends, so that they part before they meet it."""
    sides: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for number, route in enumerate(routes):
        first, last = route.edge.source, route.edge.target
        if route.backwards:
            first, last = last, first
        sides[last if end else first, end].append(number)
    offsets = [0.0] * len(routes)
    for numbers in sides.values():
        numbers.sort(key=lambda number: (routes[number].path[-2 if end else 1], number))
        apart = min(7.0, (_HEIGHT - 14) / max(1, len(numbers) - 1))
        for at, number in enumerate(numbers):
            offsets[number] = (at - (len(numbers) - 1) / 2) * apart
    return offsets


def _node(id_: str, what: Place | JobEntry, column: int, layout: Layout) -> Element:
    kind = what.kind if isinstance(what, Place) else "job"
    name, below = what.name, KINDS[kind]
    if isinstance(what, Place) and what.database:
        schema, _, name = what.name.rpartition(".")
        below = f"{schema} in {what.database}" if schema else f"table in {what.database}"
    elif not isinstance(what, Place):
        below = f"job, {what.schedule.cron}" if what.schedule else "job, run by hand"
    x, y = _left(column), layout.at[id_] + _MARGIN
    return el(
        "a",
        el("title", f"{what.name} ({below})"),
        el("rect", x=f"{x:g}", y=f"{y:g}", width=_WIDTH, height=_HEIGHT, rx=21 if kind == "job" else 6),
        el(
            "g",
            symbol(kind, standing_alone=False),
            class_="symbol",
            transform=f"translate({x + 13:g} {y + _HEIGHT / 2 - 7:g})",
        ),
        el("text", shortened(name, _NAME_LENGTH), x=f"{x + 36:g}", y=f"{y + 18:g}", class_="name"),
        el("text", shortened(below, 34), x=f"{x + 36:g}", y=f"{y + 33:g}", class_="below"),
        href=f"#{id_}",
        class_=f"node {kind}",
        data_node=id_,
    )  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One run's bar: how long it is, what became of the run, and what to say of it."""

    value: float
    status: str
    title: str


def bars(values: Sequence[Bar], label: str, *, height: int = 36) -> Element:
    """Draw runs as bars, the latest at the right; one that failed has a mark of its own."""
    most = max((bar.value for bar in values), default=0.0) or 1.0
    drawn = []
    for at, bar in enumerate(values):
        x, long = at * 8, max(2.0, bar.value / most * (height - 8))
        drawn.append(
            el(
                "g",
                el("title", bar.title),
                el("rect", x=x, y=0, width=8, height=height, class_="reach"),
                el("rect", x=x + 1, y=f"{height - long:.1f}", width=6, height=f"{long:.1f}", class_="value"),
                el("path", d=f"M{x + 2} {height - long - 6:.1f}l4 4m0-4l-4 4")
                if bar.status in ("failed", "interrupted")
                else None,
                class_=f"bar {bar.status}",
            )
        )  # fmt: skip
    width = max(8, len(values) * 8)
    return el(
        "svg",
        el("line", x1=0, x2=width, y1=height - 0.5, y2=height - 0.5, class_="base"),
        drawn,
        class_="bars",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
    )


def _share(time: dt.datetime, start: dt.datetime) -> str:
    return f"{(time - start) / dt.timedelta(days=1) * 100:.2f}%"


def hours(start: dt.datetime) -> Element:
    """The scale above the days: every third hour, in the zone of ``start``."""
    first = start.replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1)
    marks = [hour for at in range(24) if (hour := first + dt.timedelta(hours=at)).hour % 3 == 0]
    return el(
        "svg",
        [
            el("text", f"{hour:%H}", x=_share(hour, start), y=11, text_anchor="middle")
            for hour in marks
            if hour - start > dt.timedelta(minutes=30)
            and hour - start < dt.timedelta(hours=23, minutes=30)
        ],
        class_="hours",
        width="100%",
        height=14,
        aria_hidden="true",
    )


def day(times: Iterable[dt.datetime], start: dt.datetime, label: str) -> Element:
    """A day from ``start`` as a line, with a mark at each of the times."""
    end = start + dt.timedelta(days=1)
    return el(
        "svg",
        el("line", x1="0", x2="100%", y1=9.5, y2=9.5, class_="base"),
        [
            el("rect", x=_share(time, start), y=3, width=3, height=13, rx=1.5)
            for time in times
            if time <= end
        ],
        class_="day",
        width="100%",
        height=19,
        role="img",
        aria_label=label,
    )
