"""Find what the page tells: in the jobs, in config.yaml, and in the databases' run logs."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from etl.catalog._model import Aside, Catalog, JobEntry, Run, Schedule
from etl.catalog._places import Places
from etl.config.cron import next_times
from etl.errors import EtlError
from etl.jobs.base import Pipeline
from etl.runner import group_reasons, history, package_version, quarantined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from etl.config import Config
    from etl.jobs.base import Job

__all__ = ["collect"]

_RUNS: Final = 30
"""Runs of a job that are shown."""
_EVERY_RUN: Final = 2**31
_UPCOMING: Final = 24 * 60
_REASON: Final = 600
"""Characters of a reason or an error that are shown."""


@dataclass
class _Found:
    """What the databases gave, by job, and what is to be said of those that gave nothing."""

    runs: dict[str, dict[tuple[str, int], Run]] = field(default_factory=lambda: defaultdict(dict))
    aside: dict[str, list[Aside]] = field(default_factory=lambda: defaultdict(list))
    warnings: dict[str, str] = field(default_factory=dict)


def collect(
    config: Config,
    jobs: Iterable[Job | Pipeline],
    *,
    now: dt.datetime,
    flows: Config | None = None,
) -> tuple[Catalog, tuple[str, ...]]:
    """Find everything that the page tells.

    Parameters
    ----------
    config
        Says where the databases are that runs are read from.
    jobs
        The jobs.
    now
        An aware datetime: the page's time, from which the next runs are counted.
    flows
        The configuration with the profile that flows run with, for schedules; by default ``config``.

    Returns
    -------
    tuple
        The catalogue, and a line for each database that could not be read, secrets taken out.
    """
    jobs = list(jobs)
    found = _read(config, jobs)
    places = Places(config)
    entries = [
        _entry(job, places, found, _schedule(job, flows or config, now), now) for job in jobs
    ]
    catalog = Catalog(
        version=package_version(),
        profile=config.profile,
        flows_profile=flows.profile if flows else config.profile,
        made_at=now,
        jobs=tuple(entries),
        places=places.all(),
        unread=tuple(found.warnings),
    )
    return catalog, tuple(found.warnings.values())


def _read(config: Config, jobs: Sequence[Job | Pipeline]) -> _Found:
    found = _Found()
    for database in dict.fromkeys(name for job in jobs for name in job.databases):
        try:
            logged = history(config, [database], limit=_EVERY_RUN)
            kept = quarantined(config, jobs, databases=[database])
        except EtlError as error:
            message = f"{database} could not be read: {error}"
            found.warnings[database] = config.redact(message)
            continue
        for job, run in _runs(logged, config):
            # A job that writes to two databases has a row in each.
            found.runs[job].setdefault((run.run_id, run.attempt), run)
        for job, reasons in _reasons(kept, database, config):
            found.aside[job] += reasons
    return found


def _entry(
    job: Job | Pipeline, places: Places, found: _Found, schedule: Schedule | None, now: dt.datetime
) -> JobEntry:
    runs = found.runs[job.name].values()
    ordered = sorted(runs, key=lambda run: (run.started, run.run_id, run.attempt))
    lately = [run.status for run in ordered if run.started > now - dt.timedelta(days=1)]
    aside = sorted(found.aside[job.name], key=lambda each: (-each.rows, each.table, each.reason))
    return JobEntry(
        name=job.name,
        description=job.description,
        steps=tuple(places.step(step) for step in job.steps),
        pipeline=isinstance(job, Pipeline),
        takes_sample=job.takes_sample,
        sample=None if isinstance(job, Pipeline) else job.sample,
        lock=job.lock,
        schedule=schedule,
        runs=tuple(ordered[-_RUNS:]),
        lately=len(lately),
        lately_failed=sum(status in ("failed", "interrupted") for status in lately),
        aside=tuple(aside),
        unread=tuple(name for name in found.warnings if name in job.databases),
    )


def _schedule(job: Job | Pipeline, flows: Config, now: dt.datetime) -> Schedule | None:
    settings = flows.flow(job.name)
    cron = job.schedule if settings.own_schedule else settings.schedule
    if cron is None:
        return None
    times = next_times(cron, settings.timezone, now, count=_UPCOMING) if settings.enabled else ()
    day = [time for time in times if time <= now + dt.timedelta(days=1)]
    return Schedule(
        cron=cron,
        zone=settings.timezone,
        enabled=settings.enabled,
        upcoming=tuple(day or times[:1]),
    )


def _runs(logged: pl.DataFrame, config: Config) -> Iterable[tuple[str, Run]]:
    for row in logged.iter_rows(named=True):
        finished = row["finished_at"]
        yield (
            row["job"],
            Run(
                run_id=row["run_id"],
                attempt=row["attempt"],
                started=row["started_at"],
                seconds=(finished - row["started_at"]).total_seconds() if finished else None,
                status=row["status"],
                rows_read=row["rows_read"],
                rows_written=row["rows_written"],
                rows_aside=row["rows_quarantined"],
                error=_told(row["error"], config) if row["error"] else None,
                profile=row["profile"],
                version=row["version"],
            ),
        )


def _reasons(
    kept: pl.DataFrame, database: str, config: Config
) -> Iterable[tuple[str, list[Aside]]]:
    """Each job's reasons; rows that differ only in the values that a reason quotes are counted together."""
    for (job, table), part in kept.group_by("job", "table_name", maintain_order=True):
        yield (
            str(job),
            [
                Aside(
                    database=database,
                    table=str(table),
                    reason=_told(reason.reason, config),
                    rows=reason.rows,
                )
                for reason in group_reasons(part["reason"])
            ],
        )


def _told(text: str, config: Config) -> str:
    text = config.redact(text)
    return text if len(text) <= _REASON else f"{text[:_REASON]}…"
