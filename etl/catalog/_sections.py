"""The page's sections about one thing: each job, and each table, board, file and workbook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from etl.catalog._draw import KINDS, Bar, bars, symbol
from etl.catalog._html import Child, Element, code, el, prose
from etl.catalog._model import anchor
from etl.catalog._words import clock, count, lasting, number, offset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from etl.catalog._model import Catalog, Column, Contract, JobEntry, Link, Place, Run, Step

__all__ = ["jobs_section", "places_section", "status"]

_SIGNS: Final = {"done": "✓", "failed": "✕", "interrupted": "!", "running": "…"}
_LISTED: Final = 10


def status(word: str) -> Element:
    """What became of a run: a sign, a colour and the word."""
    sign = el("span", _SIGNS.get(word, "?"), aria_hidden="true")
    return el("span", sign, " ", word, class_=f"status {word if word in _SIGNS else 'other'}")


def jobs_section(catalog: Catalog) -> Element:
    """Every job: what it reads and writes, its options, its runs."""
    return el("section", el("h2", "Jobs"), [_job(job, catalog) for job in catalog.jobs], id="jobs")


def _job(job: JobEntry, catalog: Catalog) -> Element:
    words = [job.name, job.description, *(link.place.name for link in job.links)]
    words += [step.name for step in job.steps]
    return el(
        "article",
        el("h3", symbol("job"), el("a", job.name, href=f"#{job.id}")),
        el("p", prose(job.description)) if job.description else None,
        _flow(job),
        _steps(job.steps) if job.pipeline else None,
        el("dl", _facts(job, catalog), class_="facts"),
        _runs(job),
        id=job.id,
        class_="card",
        data_find=" ".join(words).lower(),
    )


def _flow(job: JobEntry) -> Element:
    return el(
        "div",
        el("div", el("h4", "reads"), _links(link for link in job.links if not link.writes)),
        el("div", el("h4", "writes"), _links(link for link in job.links if link.writes)),
        class_="flow",
    )


def _links(links: Iterable[Link]) -> Element:
    told: dict[str, tuple[Place, list[str]]] = {}
    for link in links:
        _, how = told.setdefault(link.place.id, (link.place, []))
        if link.how and link.how not in how:
            how.append(link.how)
    return el(
        "ul",
        [
            el(
                "li",
                symbol(place.kind),
                el("a", code(place.name), href=f"#{id_}"),
                el("span", _beside(place, how), class_="about") if _beside(place, how) else None,
            )
            for id_, (place, how) in told.items()
        ],
        class_="links",
    )


def _beside(place: Place, how: list[str]) -> str:
    where = [f"in {place.database}"] if place.database else []
    if place.kind == "board":
        where.append("monday board")
    return ", ".join([*where, *how])


def _steps(steps: tuple[Step, ...]) -> Element:
    return el(
        "details",
        el("summary", count(len(steps), "step"), ": ", ", ".join(step.name for step in steps)),
        el(
            "ol",
            [
                el(
                    "li",
                    el("strong", code(step.name)),
                    " ",
                    prose(step.description),
                    el("span", _step(step), class_="about"),
                )
                for step in steps
            ],
            class_="steps",
        ),
    )


def _step(step: Step) -> str:
    reads = list(dict.fromkeys(link.place.name for link in step.links if not link.writes))
    writes = list(dict.fromkeys(link.place.name for link in step.links if link.writes))
    return f"reads {', '.join(reads)}; writes {', '.join(writes)}"


def _facts(job: JobEntry, catalog: Catalog) -> Iterator[Element]:
    yield _fact("run it", code(f"etl run {job.name}"))
    if job.schedule is None:
        yield _fact("schedule", "none: it is run by hand")
    else:
        upcoming = job.schedule.upcoming
        told: Child = "its flow is switched off"
        if upcoming:
            told = f"next {clock(upcoming[0])} {offset(upcoming[0])}"
        yield _fact("schedule", [code(job.schedule.cron), f" {job.schedule.zone}, ", told])
    options = ["--dry-run", "--limit"]
    options += ["--sample"] if job.takes_sample else []
    options += ["--step"] if job.pipeline else []
    told = [[" ", code(option)] for option in options]
    sampled = f" (by default {number(job.sample)} rows)" if job.sample is not None else None
    yield _fact("options", [told, sampled])
    others = [each for each in catalog.jobs if each.lock == job.lock and each is not job]
    if job.lock is not None and others:
        yield _fact("never at the same time as", _job_links(others))
    if job.aside:
        rows = sum(each.rows for each in job.aside)
        yield _fact("set aside", el("a", count(rows, "row"), href="#aside"))
    elif any(step.sets_aside for step in job.steps):
        yield _fact("set aside", "none; the job turns rows away by itself too")


def _fact(name: str, *told: Child) -> Element:
    return el("div", el("dt", name), el("dd", *told))


def _runs(job: JobEntry) -> Child:
    if not job.runs:
        missing = f"its runs could not be read from {', '.join(job.unread)}" if job.unread else None
        return el("p", missing or "no run yet", class_="empty")
    durations = [run.seconds for run in job.runs if run.seconds is not None]
    written = [run.rows_written for run in job.runs if run.rows_written is not None]
    latest = job.runs[-1]
    return [
        el(
            "div",
            _chart(
                "Duration",
                [_bar(run, run.seconds or 0.0, lasting(run.seconds)) for run in job.runs],
                f"latest {lasting(latest.seconds)}, longest {lasting(max(durations, default=None))}",
            ),
            _chart(
                "Rows written",
                [
                    _bar(run, float(run.rows_written or 0), count(run.rows_written or 0, "row"))
                    for run in job.runs
                ],
                f"latest {number(latest.rows_written or 0)}, most {number(max(written, default=0))}",
            ),
            class_="charts",
        ),
        el(
            "details",
            el(
                "summary",
                "last run ",
                status(latest.status),
                f" {clock(latest.started)} UTC",
            ),
            _run_table(job),
        ),
    ]


def _chart(title: str, values: list[Bar], told: str) -> Element:
    label = f"{title} of the last {count(len(values), 'run')}: {told}"
    return el(
        "figure",
        el("figcaption", title, el("span", told, class_="about")),
        bars(values, label),
    )


def _bar(run: Run, value: float, told: str) -> Bar:
    return Bar(value, run.status, f"{clock(run.started)} UTC: {run.status}, {told}")


def _run_table(job: JobEntry) -> Element:
    titles = ("started (UTC)", "status", "took", "read", "written", "set aside")
    rows: list[Element] = []
    for run in reversed(job.runs[-_LISTED:]):
        counts = (run.rows_read, run.rows_written, run.rows_aside)
        rows.append(
            el(
                "tr",
                el("td", el("time", clock(run.started), datetime=run.started.isoformat())),
                el("td", status(run.status)),
                el("td", lasting(run.seconds), class_="number"),
                [
                    el("td", "–" if value is None else number(value), class_="number")
                    for value in counts
                ],
            )
        )
        if run.error:
            rows.append(
                el("tr", el("td", el("bdi", run.error), colspan=len(titles), class_="error"))
            )
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", [el("th", title, scope="col") for title in titles])),
            el("tbody", rows),
            class_="plain",
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=f"Last runs of {job.name}",
    )


def places_section(catalog: Catalog) -> Element:
    """Everything that jobs read and write, with its contract column by column."""
    readers: dict[str, list[JobEntry]] = {}
    writers: dict[str, list[JobEntry]] = {}
    for job in catalog.jobs:
        for link in job.links:
            jobs = (writers if link.writes else readers).setdefault(link.place.id, [])
            if job not in jobs:
                jobs.append(job)
    return el(
        "section",
        el("h2", "Tables and sources"),
        [
            _place(place, readers.get(place.id, []), writers.get(place.id, []))
            for place in sorted(catalog.places, key=lambda place: (place.kind != "table", place.id))
        ],
        id="places",
    )


def _place(place: Place, readers: list[JobEntry], writers: list[JobEntry]) -> Element:
    where = f"table in {place.database}" if place.database else KINDS[place.kind]
    if place.kind == "board":
        where = "monday board"
    if place.engine:
        where += f", {_ENGINES.get(place.engine, place.engine)}"
    return el(
        "article",
        el("h3", symbol(place.kind), el("a", place.name, href=f"#{place.id}"), el("span", where, class_="about")),
        el("dl", _used("written by", writers), _used("read by", readers), class_="facts"),
        [_contract(place, contract) for contract in place.contracts],
        el("dl", [_fact(file, ", ".join(sheets)) for file, sheets in place.sheets], class_="facts sheets")
        if place.sheets
        else None,
        id=place.id,
        class_="card",
        data_find=f"{place.name} {where}".lower(),
    )  # fmt: skip


_ENGINES: Final = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mssql": "SQL Server",
    "duckdb": "DuckDB",
    "mysql": "MariaDB",
}


def _used(name: str, jobs: list[JobEntry]) -> Element:
    return _fact(name, _job_links(jobs) if jobs else "none of these jobs")


def _job_links(jobs: list[JobEntry]) -> list[Child]:
    return [[", " if at else "", el("a", job.name, href=f"#{job.id}")] for at, job in enumerate(jobs)]  # fmt: skip


def _contract(place: Place, contract: Contract) -> Element:
    key = [column.name for column in contract.columns if column.primary_key]
    return el(
        "details",
        el(
            "summary",
            el("strong", contract.name),
            f" {count(len(contract.columns), 'column')}",
            el("span", f"key {', '.join(key)}" if key else "no key", class_="about"),
        ),
        el("p", prose(contract.text)) if contract.text else None,
        el(
            "table",
            el(
                "thead",
                el("tr", [el("th", t, scope="col") for t in ("Column", "Type", "Rules and notes")]),
            ),
            el("tbody", [_column(place, contract, column) for column in contract.columns]),
            class_="columns",
        ),
        [
            el("h4", "rules about the row"),
            el(
                "ul",
                [
                    el("li", code(rule.name), " ", el("span", prose(rule.text), class_="about"))
                    for rule in contract.rules
                ],
                class_="rules",
            ),
        ]
        if contract.rules
        else None,
    )


def _column(place: Place, contract: Contract, column: Column) -> Element:
    flags = [el("span", "key", class_="flag key")] if column.primary_key else []
    flags += [] if column.nullable else [el("span", "never null", class_="flag")]
    notes: list[Child] = [", ".join(column.rules)] if column.rules else []
    if column.source:
        notes.append(["board column ", code(column.source)])
    if column.note:
        notes.append(prose(column.note))
    length = f", at most {number(column.max_length)}" if column.max_length is not None else ""
    words = [column.name, column.dtype, column.source or "", column.note or "", *column.rules]
    prefix = "" if contract is place.contracts[0] else f"{contract.name}-"
    return el(
        "tr",
        el("th", el("a", code(column.name), href=f"#{_column_id(place, prefix, column)}"), flags, scope="row"),
        el(
            "td",
            f"{column.dtype}{length}",
            el("span", code(column.sql_type), class_="about") if column.sql_type else None,
        ),
        el("td", [el("div", note) for note in notes]),
        id=_column_id(place, prefix, column),
        data_find=" ".join(words).lower(),
    )  # fmt: skip


def _column_id(place: Place, prefix: str, column: Column) -> str:
    return anchor(f"column-{place.id}", f"{prefix}{column.name}")
