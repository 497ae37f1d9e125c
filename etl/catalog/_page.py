"""The page's sections about all jobs at once: overview, lineage, schedule, rows set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from etl.catalog._draw import KINDS, Bar, bars, day, hours, lineage, symbol
from etl.catalog._html import Child, Element, code, document, el
from etl.catalog._model import anchor
from etl.catalog._sections import jobs_section, places_section, status
from etl.catalog._words import clock, count, lasting, number, offset

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from etl.catalog._model import Aside, Catalog, JobEntry

__all__ = ["render"]

_BARS: Final = 16
"""Runs that the overview draws; a job's own section has all that are known."""


def render(catalog: Catalog) -> str:
    """Write the page: the same text for the same catalogue.

    Examples
    --------
    ::

        catalog, warnings = collect(config, jobs, now=now)
        Path("index.html").write_text(render(catalog), encoding="utf-8", newline="\\n")
    """
    return document(
        title=f"Catalogue: {count(len(catalog.jobs), 'job')}",
        head=_head(catalog),
        content=[
            _notices(catalog),
            _overview(catalog),
            _lineage(catalog),
            _schedule(catalog),
            jobs_section(catalog),
            places_section(catalog),
            _aside(catalog),
            _foot(catalog),
        ],
    )


def time_(moment: dt.datetime, text: str | None = None) -> Element:
    """A time that machines can read too."""
    return el("time", text or clock(moment), datetime=moment.isoformat())


def _head(catalog: Catalog) -> Element:
    profile = f"profile {catalog.profile}" if catalog.profile else "the default profile"
    return el(
        "div",
        el("h1", el("a", "Data catalogue", href="#content")),
        el(
            "p",
            "made ",
            el(
                "time",
                f"{clock(catalog.made_at)} {offset(catalog.made_at)}",
                id="made",
                datetime=catalog.made_at.isoformat(),
            ),
            f", {profile}",
            class_="made",
        ),
        class_="title",
    )


def _notices(catalog: Catalog) -> Iterator[Element]:
    yield el("p", id="stale", class_="notice", hidden=True)
    if catalog.unread:
        names: list[Child] = []
        for name in catalog.unread:
            names += [", " if names else "", code(name)]
        what = "database" if len(catalog.unread) == 1 else "databases"
        yield el(
            "p",
            f"The {what} ",
            names,
            " could not be read when this page was made: runs and rows set aside that are kept there "
            "are missing here. The command said why; ",
            code("etl check"),
            " looks at every connection.",
            class_="notice",
            id="unread",
        )


def _figure(value: Child, label: str, kind: str = "") -> Element:
    return el("div", el("dt", label), el("dd", value), class_=f"figure {kind}".strip())


def _overview(catalog: Catalog) -> Element:
    failed = sum(job.lately_failed for job in catalog.jobs)
    kept = sum(each.rows for job in catalog.jobs for each in job.aside)
    tables = sum(place.kind == "table" for place in catalog.places)
    upcoming = [
        (job.schedule.upcoming[0], job)
        for job in catalog.jobs
        if job.schedule and job.schedule.upcoming
    ]
    soonest = min(upcoming, key=lambda each: (each[0], each[1].name), default=None)
    titles = ("Job", "Last run", "Durations", "Rows written", "Next run", "Set aside")
    return el(
        "section",
        el("h2", "Overview"),
        el(
            "dl",
            _figure(number(len(catalog.jobs)), "jobs"),
            _figure(number(tables), "tables"),
            _figure(number(sum(job.lately for job in catalog.jobs)), "runs in the last 24 hours"),
            _figure(number(failed), "of them failed", "bad" if failed else ""),
            _figure(number(kept), "rows set aside", "warn" if kept else ""),
            _figure(
                [f"{soonest[0]:%H:%M}", el("small", offset(soonest[0]))] if soonest else "–",
                f"next: {soonest[1].name}" if soonest else "next run: none",
            ),
            class_="figures",
        ),
        el(
            "table",
            el(
                "thead",
                el("tr", [el("th", t, scope="col", role="columnheader") for t in titles], role="row"),
                role="rowgroup",
            ),
            el("tbody", [_job_row(job, titles) for job in catalog.jobs], role="rowgroup"),
            class_="cards overview",
            role="table",
        ),
        id="overview",
    )  # fmt: skip


def _cell(title: str, *children: Child, **more: str) -> Element:
    return el("td", el("div", *children), data_label=title, role="cell", **more)


def _job_row(job: JobEntry, titles: Sequence[str]) -> Element:
    last = job.runs[-1] if job.runs else None
    drawn: Child = "no run yet"
    if job.unread and last is None:
        drawn = "not known"
    elif last is not None:
        drawn = bars(_durations(job), _durations_label(job), height=26)
    rows = sum(each.rows for each in job.aside)
    upcoming = job.schedule.upcoming[:1] if job.schedule else ()
    return el(
        "tr",
        el(
            "th",
            el("a", job.name, href=f"#{job.id}"),
            el("span", job.description, class_="about"),
            scope="row",
            role="rowheader",
        ),
        _cell(titles[1], [status(last.status), el("span", time_(last.started), " UTC", class_="about")] if last else "–"),
        _cell(
            titles[2],
            drawn,
            el("span", lasting(last.seconds), class_="latest") if last is not None else None,
        ),
        _cell(
            titles[3], "–" if last is None or last.rows_written is None else number(last.rows_written)
        ),
        _cell(titles[4], el("span", time_(upcoming[0]), " ", offset(upcoming[0]), class_="when") if upcoming else "by hand" if job.schedule is None else "off"),
        _cell(titles[5], el("a", number(rows), href="#aside") if rows else "0"),
        role="row",
        data_find=f"{job.name} {job.description}".lower(),
    )  # fmt: skip


def _durations(job: JobEntry) -> list[Bar]:
    return [
        Bar(run.seconds or 0.0, run.status, f"{clock(run.started)} UTC: {run.status}, {lasting(run.seconds)}")
        for run in job.runs[-_BARS:]
    ]  # fmt: skip


def _durations_label(job: JobEntry) -> str:
    runs = job.runs[-_BARS:]
    known = [run.seconds for run in runs if run.seconds is not None]
    if not known:
        return f"{job.name}: no run has ended"
    return (
        f"{job.name}: durations of the last {count(len(runs), 'run')}, "
        f"{lasting(min(known))} to {lasting(max(known))}, the latest {lasting(job.runs[-1].seconds)}"
    )


def _lineage(catalog: Catalog) -> Element:
    return el(
        "section",
        el("h2", "Lineage"),
        el(
            "p",
            "What is read stands at the left of a job, what it writes at the right; two arrowheads "
            "mean both. Each node leads to its section.",
        ),
        el(
            "div",
            lineage(catalog),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label="Lineage graph",
        ),
        el(
            "ul",
            [el("li", symbol(kind), name) for kind, name in KINDS.items()],
            class_="legend",
            aria_label="Signs of the graph",
        ),
        id="lineage",
        class_="wide",
    )


def _schedule(catalog: Catalog) -> Element:
    zones = {job.schedule.zone for job in catalog.jobs if job.schedule}
    start = catalog.made_at
    if len(zones) == 1:
        times = [time for job in catalog.jobs if job.schedule for time in job.schedule.upcoming]
        start = start.astimezone(times[0].tzinfo) if times else start
    titles = ("Job", "Schedule", "Next runs", "Next 24 hours")
    scheduled = [job for job in catalog.jobs if job.schedule]
    by_hand = [job for job in catalog.jobs if job.schedule is None]
    return el(
        "section",
        el("h2", "Schedule"),
        el(
            "p",
            "Counted from when the page was made, ",
            time_(start, f"{clock(start)} {offset(start)}"),
            f", as flows run with profile {catalog.flows_profile}." if catalog.flows_profile else ".",
        ),
        el(
            "table",
            el(
                "thead",
                el(
                    "tr",
                    [el("th", title, scope="col", role="columnheader") for title in titles[:3]],
                    el("th", titles[3], f", {offset(start)}", hours(start), scope="col", role="columnheader"),
                    role="row",
                ),
                role="rowgroup",
            ),
            el("tbody", [_schedule_row(job, titles, start) for job in scheduled], role="rowgroup"),
            class_="cards schedule",
            role="table",
        )
        if scheduled
        else None,
        el(
            "p",
            "Run by hand: ",
            [[", " if at else "", el("a", job.name, href=f"#{job.id}")] for at, job in enumerate(by_hand)],
            ".",
        )
        if by_hand
        else None,
        id="schedule",
    )  # fmt: skip


def _schedule_row(job: JobEntry, titles: Sequence[str], start: dt.datetime) -> Element:
    schedule = job.schedule
    if schedule is None:
        raise ValueError(f"{job.name} has no schedule")
    times = schedule.upcoming
    shown: Child = "its flow is switched off"
    if times:
        shown = [
            el("strong", time_(times[0])),
            [[", ", time_(time, f"{time:%H:%M}")] for time in times[1:3]],
            f" {offset(times[0])}",
        ]
    label = f"{job.name}: {count(len(times), 'run')} in the next 24 hours"
    return el(
        "tr",
        el("th", el("a", job.name, href=f"#{job.id}"), scope="row", role="rowheader"),
        _cell(titles[1], code(schedule.cron), el("span", schedule.zone, class_="about")),
        _cell(titles[2], shown),
        _cell(titles[3], day(times, start, label)),
        role="row",
        data_find=f"{job.name} {schedule.cron} {schedule.zone}".lower(),
    )


def _aside(catalog: Catalog) -> Element:
    groups: dict[tuple[JobEntry, str, str], list[Aside]] = {}
    for job in catalog.jobs:
        for each in job.aside:
            groups.setdefault((job, each.database, each.table), []).append(each)
    most = max((each.rows for aside in groups.values() for each in aside), default=1)
    return el(
        "section",
        el("h2", "Rows set aside"),
        el(
            "p",
            "Rows that break their contract are kept and not loaded. ",
            el("code", "etl quarantine JOB"),
            " shows them, and with ",
            el("code", "--replay"),
            " loads those that keep the contract by now. Reasons that differ only in the values they "
            "quote are counted together.",
        ),
        [
            el(
                "div",
                el(
                    "h3",
                    el("a", job.name, href=f"#{job.id}"),
                    el(
                        "span",
                        "meant for ",
                        _table_link(catalog, database, table),
                        class_="about",
                    ),
                ),
                el("ul", [_reason(each, most) for each in aside], class_="reasons"),
                data_find=" ".join((job.name, table, *(each.reason for each in aside))).lower(),
                class_="aside-of",
            )
            for (job, database, table), aside in groups.items()
        ]
        or el("p", "No rows are set aside.", class_="empty"),
        id="aside",
    )


def _reason(each: Aside, most: int) -> Element:
    share = f"{each.rows / most * 100:.1f}%"
    return el(
        "li",
        el(
            "svg",
            el("rect", width="100%", height=6, rx=3, class_="whole"),
            el("rect", width=share, height=6, rx=3, class_="part"),
            width="100%",
            height=6,
            aria_hidden="true",
        ),
        el("span", number(each.rows), class_="amount"),
        el("bdi", each.reason),
    )


def _table_link(catalog: Catalog, database: str, table: str) -> Element:
    """The table's name; a link where a job of today still writes it."""
    id_ = anchor("table", f"{database}.{table}")
    known = any(place.id == id_ for place in catalog.places)
    return el("a", code(table), href=f"#{id_}") if known else code(table)


def _foot(catalog: Catalog) -> Element:
    return el(
        "footer",
        el(
            "p",
            f"Made by etl {catalog.version} with ",
            code("etl catalog"),
            ". The page is one file, asks for nothing from anywhere, and does not change by itself: "
            "make it again to see what has happened since.",
        ),
    )
