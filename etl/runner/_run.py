"""Run a job: read, transform, check, and load everything or nothing."""

from __future__ import annotations

import datetime as dt
import logging
import os
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.errors import ConfigError, ContractError, EtlError, SourceError
from etl.io.source import ReadContext, silent
from etl.io.tables import TableRows, live_columns, live_rows
from etl.jobs import get_job
from etl.runner._alone import alone
from etl.runner._compare import Changes, compare, in_mode
from etl.runner._log import RunLog
from etl.runner._result import OutputResult, RunResult, TablePlan, group_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.config import Config, DatabaseSettings
    from etl.contracts.check import Checked
    from etl.io.source import Progress
    from etl.jobs.base import Job, Table

__all__ = ["execute", "run"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Options:
    dry_run: bool
    limit: int | None
    strict: bool
    allow_empty: bool
    wait: float
    progress: Progress


@dataclass
class _State:
    """What is known so far, so that a failure can still tell it."""

    rows_read: int = 0
    rows_written: int = 0
    notes: list[str] = field(default_factory=list)
    checked: dict[str, Checked] = field(default_factory=dict)
    outputs: list[OutputResult] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        since = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = time.perf_counter() - since

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.begun

    @property
    def rows_quarantined(self) -> int:
        return sum(checked.rejected.height for checked in self.checked.values())

    @property
    def counts(self) -> dict[str, int]:
        return {"rows_read": self.rows_read, "rows_written": self.rows_written, "rows_quarantined": self.rows_quarantined}  # fmt: skip


def run(job_name: str | Job, config: Config, **options: Any) -> RunResult:
    """Run a job and raise what made it fail; the options are those of :func:`execute`.

    Raises
    ------
    EtlError
        The run failed; every table is as it was before.
    """
    result = execute(job_name, config, **options)
    if result.exception is not None:
        raise result.exception
    return result


def execute(
    job_name: str | Job,
    config: Config,
    *,
    dry_run: bool = False,
    limit: int | None = None,
    strict: bool = False,
    allow_empty: bool = False,
    wait: float = 0.0,
    progress: Progress = silent,
    now: dt.datetime | None = None,
    run_id: str | None = None,
) -> RunResult:
    """Run a job and tell how it went, a failure included.

    Parameters
    ----------
    job_name
        The job's name, or a job.
    config
        Says where databases and boards are.
    dry_run
        Read, transform and check, say what would change, and write nothing at all.
    limit
        Read at most this many rows of each source; implies a dry run.
    strict
        Any row that breaks its contract makes the run fail.
    allow_empty
        An empty source may empty the table.
    wait
        Seconds to wait for another run of the job to end; by default this one fails at once.
        A dry run waits for nobody, and keeps nobody waiting.
    progress
        Called as reading and loading advance.
    now
        The run's time, aware and in UTC; by default the clock's.
    run_id
        By default the environment's ``ETL_RUN_ID`` (an orchestrator's own id), else a new one.

    Returns
    -------
    RunResult
        ``exception`` holds what made it fail. Its ``error`` has no secrets.

    Raises
    ------
    ConfigError
        There is no such job, or an option makes no sense.
    """
    job = get_job(job_name) if isinstance(job_name, str) else job_name
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be at least 1, not {limit}", job=job.name)
    now = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    run_id = run_id or os.environ.get("ETL_RUN_ID") or f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
    options = _Options(
        dry_run=dry_run or limit is not None,
        limit=limit,
        strict=strict,
        allow_empty=allow_empty,
        wait=wait,
        progress=progress,
    )
    state, runs = _State(), RunLog(job.name, run_id, config.profile, now)
    exception: BaseException | None = None
    try:
        _steps(job, config, options, state, runs)
    except KeyboardInterrupt:
        _record_failure(config, state, runs, "interrupted")
        raise
    except Exception as error:  # noqa: BLE001 - told in the result, raised again by run()
        exception = error
        _record_failure(config, state, runs, _told(config, error))
    return RunResult(
        job=job.name,
        run_id=run_id,
        status="failed" if exception else "done",
        dry_run=options.dry_run,
        seconds=state.seconds,
        phases=state.phases,
        notes=tuple(state.notes),
        reasons=group_reasons(_all_reasons(state.checked)),
        outputs=tuple(state.outputs),
        error=_told(config, exception) if exception else None,
        exception=exception,
        **{**state.counts, "rows_written": 0 if exception else state.rows_written},
    )


def _steps(job: Job, config: Config, options: _Options, state: _State, runs: RunLog) -> None:
    settings = {table.database: config.database(table.database) for table in job.outputs.values()}
    if options.dry_run:
        _work(job, config, settings, options, state, runs)
        return
    databases = list(dict.fromkeys(settings.values()))
    with alone(job.name, databases, wait=options.wait) as still_alone:
        # First of all, so that an unreachable database fails before a long read, not after it.
        for database in databases:
            runs.start(database)
        _work(job, config, settings, options, state, runs)
        with state.phase("write"):
            still_alone()
            _write(job, settings, options, state, runs)


def _work(
    job: Job,
    config: Config,
    settings: Mapping[str, DatabaseSettings],
    options: _Options,
    state: _State,
    runs: RunLog,
) -> None:
    """Everything but writing: read, transform and check; a dry run compares, too."""
    with state.phase("read"):
        context = ReadContext(
            config=config,
            limit=options.limit,
            allow_empty=options.allow_empty,
            progress=options.progress,
        )
        reads = job.read_inputs(context)
    state.notes += [note for read in reads.values() for note in read.notes]
    state.rows_read = sum(
        read.frame.height
        for name, read in reads.items()
        if not isinstance(job.inputs[name], TableRows)  # the job's own earlier rows
    )
    with state.phase("transform"):
        frames = {name: read.frame for name, read in reads.items()}
        rows = job.apply(frames, now=runs.started_at, run_id=runs.run_id)
    with state.phase("check"):
        state.checked = job.check(rows)
    _refuse(job, options, state)
    if options.dry_run:
        with state.phase("compare"):
            for name, table in job.outputs.items():
                changes, plan = _plan(settings[table.database], table, state.checked[name])
                state.outputs.append(_output(table, state.checked[name], changes, plan))


def _refuse(job: Job, options: _Options, state: _State) -> None:
    """Stop before anything is written, where the rows say that something is wrong."""
    if options.strict and state.rows_quarantined:
        reasons = group_reasons(_all_reasons(state.checked))
        raise ContractError(
            f"{_rows(state.rows_quarantined)} broke the contract and the run is strict: nothing "
            f"was written; the first: {reasons[0].reason}",
            job=job.name,
        )
    if options.allow_empty:
        return
    for name, table in job.outputs.items():
        checked = state.checked[name]
        if table.mode not in ("replace", "sync") or checked.good.height:
            continue
        if checked.rejected.height:
            reasons = group_reasons(checked.rejected["reason"])
            raise ContractError(
                f"{table.table} is left as it is: of {_rows(checked.rejected.height)} none keeps the "
                f"contract; the first: {reasons[0].reason}",
                job=job.name,
                table=table.table,
            )
        sources = ", ".join(reader.describe() for reader in job.inputs.values())
        raise SourceError(
            f"no rows for {table.table} (read from {sources}), so it is left as it is; "
            "--allow-empty empties it",
            job=job.name,
            table=table.table,
        )


def _write(
    job: Job,
    settings: Mapping[str, DatabaseSettings],
    options: _Options,
    state: _State,
    runs: RunLog,
) -> None:
    """Load every output, one transaction a database; with several, all commit at the end."""
    from etl.io import db_helper as db

    with ExitStack() as stack:
        open_ = {
            database: stack.enter_context(db.transaction(database))
            for database in dict.fromkeys(settings.values())
        }
        for name, table in job.outputs.items():
            tx, checked = open_[settings[table.database]], state.checked[name]
            loaded = tx.write_frame(
                checked.good,
                table.table,
                mode=table.mode,
                contract=table.contract,
                allow_empty=options.allow_empty,
                progress=options.progress,
            )
            if checked.rejected.height:
                runs.quarantine(tx, table.table, checked.rejected)
            state.rows_written += loaded.inserted + loaded.updated
            changes = Changes(
                inserted=loaded.inserted,
                updated=loaded.updated,
                deleted=loaded.deleted,
                unchanged=loaded.unchanged,
            )
            state.outputs.append(_output(table, checked, changes))
        for database, tx in open_.items():
            runs.finish(database, tx, status="done", seconds=state.seconds, counts=state.counts)


def _plan(settings: DatabaseSettings, table: Table, checked: Checked) -> tuple[Changes, TablePlan]:
    columns = live_columns(settings, table.table)
    rows = live_rows(settings, table.table, table.contract) if columns is not None else None
    if columns is None or rows is None:
        return Changes(inserted=checked.good.height), TablePlan(created=True)
    live = {column.name for column in columns}
    known = checked.good.columns
    plan = TablePlan(
        created=False,
        missing_columns=tuple(name for name in known if name not in live),
        other_columns=tuple(column.name for column in columns if column.name not in known),
    )
    return in_mode(compare(rows, checked.good, table.key), table.mode), plan


def _output(
    table: Table, checked: Checked, changes: Changes, plan: TablePlan | None = None
) -> OutputResult:
    return OutputResult(
        database=table.database,
        table=table.table,
        mode=table.mode,
        rows=checked.good.height,
        changes=changes,
        rows_quarantined=checked.rejected.height,
        reasons=group_reasons(checked.rejected["reason"]),
        plan=plan,
    )


def _record_failure(config: Config, state: _State, runs: RunLog, error: str) -> None:
    counts = {**state.counts, "rows_written": 0}
    for database in runs.attempts:
        try:
            runs.finish(
                database, status="failed", seconds=state.seconds, error=error, counts=counts
            )
        except EtlError as unrecorded:
            # The run's own error matters more than this one, which often has the same cause.
            told = config.redact(str(unrecorded))
            state.notes.append(f"the failure could not be recorded in etl_runs: {told}")
            log.warning("run %s: the failure could not be recorded: %s", runs.run_id, told)


def _told(config: Config, error: BaseException) -> str:
    text = str(error)
    if not isinstance(error, EtlError):
        text = f"unexpected {type(error).__name__}: {text}"
    return config.redact(text)


def _all_reasons(checked: Mapping[str, Checked]) -> list[str]:
    return [reason for item in checked.values() for reason in item.rejected["reason"]]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
