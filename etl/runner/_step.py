"""One step of a run: read, call, transform, check, and load everything or nothing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.errors import ContractError, EtlError, SourceError
from etl.io.sink import WriteContext
from etl.io.source import ReadContext
from etl.io.tables import live_columns, live_rows
from etl.jobs.base import Notes, SetAside, Table
from etl.runner._compare import Changes, compare, in_mode
from etl.runner._result import TablePlan, group_reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from etl.config import Config, DatabaseSettings, FrameEngine
    from etl.contracts.check import Checked
    from etl.io.source import Progress
    from etl.jobs.base import Job
    from etl.runner._log import RunLog
    from etl.runner._state import State

__all__ = ["Options", "Run", "run_step"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run was asked for."""

    dry_run: bool
    limit: int | None
    strict: bool
    allow_empty: bool
    sample: int | None
    wait: float
    progress: Progress
    engine: FrameEngine = "polars"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What all steps of a run share."""

    config: Config
    options: Options
    state: State
    log: RunLog
    still_alone: Callable[[], object] = lambda: None
    """Raises where the job's lock is no longer held."""
    take: Callable[[pl.DataFrame], Any] = lambda frame: frame
    """Hands a frame to the engine that transforms run on."""

    @property
    def write_context(self) -> WriteContext:
        """What writers and sinks may need."""
        return WriteContext(
            config=self.config, run_id=self.log.run_id, progress=self.options.progress
        )


def run_step(run: Run, step: Job, *, last: bool) -> None:
    """Run one step; a step that repeats, until it has no payloads left.

    Raises
    ------
    EtlError
        The step failed; what it had committed before stays, and nothing else is written.
    """
    before: pl.DataFrame | None = None
    while True:
        frames = _read(run, step)
        payloads: pl.DataFrame | None = None
        if step.call is not None:
            with run.state.phase("transform"):
                payloads = step.payloads(frames, now=run.log.started_at, run_id=run.log.run_id)
            if step.repeat and payloads.is_empty():
                return
            if before is not None and payloads.equals(before):
                raise ContractError(
                    f"{step.name}: the same {payloads.height} payloads came up twice: the "
                    "transform must take out those that have their results",
                    job=step.name,
                )
        _pass(run, step, frames, payloads, last=last and not step.repeat)
        if not step.repeat or run.options.dry_run:
            return
        before = payloads


def _read(run: Run, step: Job) -> dict[str, Any]:
    """Read the inputs, and hand them to the run's engine."""
    options, state = run.options, run.state
    with state.phase("read"):
        context = ReadContext(
            config=run.config,
            limit=options.limit,
            allow_empty=options.allow_empty,
            progress=options.progress,
        )
        reads = step.read_inputs(context)
    state.note(*(note for read in reads.values() for note in read.notes))
    state.rows_read += sum(read.frame.height for read in reads.values() if read.counts)
    with state.phase("transform"):
        return {name: run.take(read.frame) for name, read in reads.items()}


def _pass(
    run: Run,
    step: Job,
    frames: Mapping[str, Any],
    payloads: pl.DataFrame | None,
    *,
    last: bool,
) -> None:
    state, fatal, results = run.state, None, None
    if step.call is not None and payloads is not None:
        writer = step.call.writer
        with state.phase("call"):
            if not run.options.dry_run:
                run.still_alone()
            perform = writer.plan if run.options.dry_run else writer.write
            report = perform(payloads, run.write_context)
        state.called(step, report.results)
        state.note(*report.notes)
        results, fatal = report.results, report.fatal
    try:
        with state.phase("transform"):
            rows = step.apply(
                frames,
                now=run.log.started_at,
                run_id=run.log.run_id,
                sample=run.options.sample or step.sample,
                results=None if results is None else run.take(results),
            )
        with state.phase("check"):
            checked = step.check(rows)
        state.checked(checked)
        for name, output in step.outputs.items():
            if isinstance(output, Notes):
                state.note(*rows[name]["note"].to_list())
        _refuse(run, step, checked)
        if run.options.dry_run:
            _plan(run, step, checked)
        else:
            _write(run, step, rows, checked, last=last and fatal is None)
    except EtlError as error:
        if fatal is not None:  # what ended the call is what has to be mended first
            raise fatal from error
        raise
    if fatal is not None:
        raise fatal


def _refuse(run: Run, step: Job, checked: Mapping[str, Checked]) -> None:
    """Stop before anything is written, where the rows say that something is wrong."""
    aside = [reason for one in checked.values() for reason in one.rejected["reason"]]
    if run.options.strict and aside:
        raise ContractError(
            f"{_rows(len(aside))} broke the contract and the run is strict: nothing "
            f"was written; the first: {group_reasons(aside)[0].reason}",
            job=step.name,
        )
    for name, table in step.tables.items():
        may_be_empty = run.options.allow_empty or table.may_be_empty
        if not may_be_empty and table.mode in ("replace", "sync"):
            _refuse_empty(step, table, checked[name])


def _refuse_empty(step: Job, table: Table, checked: Checked) -> None:
    if checked.good.height:
        return
    if checked.rejected.height:
        reasons = group_reasons(checked.rejected["reason"])
        raise ContractError(
            f"{table.table} is left as it is: of {_rows(checked.rejected.height)} none keeps the "
            f"contract; the first: {reasons[0].reason}",
            job=step.name,
            table=table.table,
        )
    sources = ", ".join(reader.describe() for reader in step.inputs.values())
    raise SourceError(
        f"no rows for {table.table} (read from {sources}), so it is left as it is; "
        "--allow-empty empties it",
        job=step.name,
        table=table.table,
    )


def _write(
    run: Run, step: Job, rows: Mapping[str, Any], checked: Mapping[str, Checked], *, last: bool
) -> None:
    """Load every table, one transaction a database; with several, all commit at the end.

    Files are made before the commit, so that a file that can't be written fails the whole step.
    """
    from etl.io import db_helper as db

    settings = {
        table.database: run.config.database(table.database) for table in step.tables.values()
    }
    databases = dict.fromkeys(settings.values())
    with run.state.phase("write"), run.state.undone_by_errors(), ExitStack() as stack:
        run.still_alone()
        open_ = {database: stack.enter_context(db.transaction(database)) for database in databases}
        for name, table in step.tables.items():
            _load(run, step, name, checked[name], open_[settings[table.database]])
        for name, output in step.outputs.items():
            if not isinstance(output, Table | SetAside | Notes):
                run.state.made(output.write(rows[name], run.write_context))
        if last:
            for database, tx in open_.items():
                run.log.finish(
                    database,
                    tx,
                    status="done",
                    seconds=run.state.seconds,
                    counts=run.state.counts,
                )
    if last:
        run.log.ended.update(databases)


def _load(run: Run, step: Job, name: str, checked: Checked, tx: Any) -> None:
    table, state = step.tables[name], run.state
    loaded = tx.write_frame(
        checked.good,
        table.table,
        mode=table.mode,
        contract=table.contract,
        allow_empty=run.options.allow_empty or table.may_be_empty,
        progress=run.options.progress,
    )
    if checked.rejected.height:
        run.log.quarantine(tx, table.table, checked.rejected)
    state.rows_written += loaded.inserted + loaded.updated
    changes = Changes(
        inserted=loaded.inserted,
        updated=loaded.updated,
        deleted=loaded.deleted,
        unchanged=loaded.unchanged,
    )
    state.output(step, name, checked, changes)


def _plan(run: Run, step: Job, checked: Mapping[str, Checked]) -> None:
    """Say what a run would do to each table."""
    with run.state.phase("compare"):
        for name, table in step.tables.items():
            settings = run.config.database(table.database)
            changes, plan = _changes(settings, table, checked[name])
            run.state.output(step, name, checked[name], changes, plan)


def _changes(
    settings: DatabaseSettings, table: Table, checked: Checked
) -> tuple[Changes, TablePlan]:
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


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
