"""Run a job: read, transform, check, and load everything or nothing."""

from __future__ import annotations

import datetime as dt
import logging
import os
import uuid
from typing import TYPE_CHECKING, Any

from etl.errors import ConfigError, EtlError
from etl.io.engines import frame_engine, opened_engine
from etl.io.source import silent
from etl.jobs import get_job
from etl.jobs.base import Pipeline
from etl.runner._alone import alone
from etl.runner._log import RunLog
from etl.runner._result import RunResult
from etl.runner._state import State
from etl.runner._step import Options, Run, run_step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.config import Config
    from etl.io.source import Progress
    from etl.jobs.base import Job

__all__ = ["execute", "run"]

log = logging.getLogger(__name__)


def run(job_name: str | Job | Pipeline, config: Config, **options: Any) -> RunResult:
    """Run a job and raise what made it fail; the options are those of :func:`execute`.

    Raises
    ------
    EtlError
        The run failed; every table is as it was before, or as the last step before left it.
    """
    result = execute(job_name, config, **options)
    if result.exception is not None:
        raise result.exception
    return result


def execute(
    job_name: str | Job | Pipeline,
    config: Config,
    *,
    dry_run: bool = False,
    limit: int | None = None,
    strict: bool = False,
    allow_empty: bool = False,
    sample: int | None = None,
    steps: Iterable[str] | None = None,
    wait: float = 0.0,
    engine: str | None = None,
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
    sample
        How many rows a transform that asks for ``sample`` takes, instead of the job's own number.
    steps
        Run only these steps of a pipeline, in its order.
    wait
        Seconds to wait for another run of the job to end; by default this one fails at once.
        A dry run waits for nobody, and keeps nobody waiting.
    engine
        What the transforms run on: ``polars``, ``polars-lazy``, ``pandas``, ``pyarrow``,
        ``duckdb`` or ``spark``; by default the configuration's ``engine``. The result is the same.
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
    for option, value in {"--limit": limit, "--sample": sample}.items():
        if value is not None and value < 1:
            raise ConfigError(f"{option} must be at least 1, not {value}", job=job.name)
    if sample is not None and not job.takes_sample:
        raise ConfigError(f"job {job.name} takes no --sample", job=job.name)
    if steps is not None:
        if not isinstance(job, Pipeline):
            raise ConfigError(f"job {job.name} has no steps: leave out --step", job=job.name)
        job = job.only(steps)
    now = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    run_id = run_id or os.environ.get("ETL_RUN_ID") or f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
    options = Options(
        dry_run=dry_run or limit is not None,
        limit=limit,
        strict=strict,
        allow_empty=allow_empty,
        sample=sample,
        wait=wait,
        engine=frame_engine(engine or config.frame_engine),
        progress=progress,
    )
    state, runs = State(), RunLog(job.name, run_id, config.profile, now)
    exception: BaseException | None = None
    try:
        _run_all(job, config, options, state, runs)
    except KeyboardInterrupt:
        _record_failure(config, state, runs, "interrupted")
        raise
    except Exception as error:  # noqa: BLE001 - told in the result, raised again by run()
        exception = error
        _record_failure(config, state, runs, _told(config, error))
    except BaseException as error:  # polars' panics, a job that calls sys.exit
        _record_failure(config, state, runs, _told(config, error))
        raise
    return RunResult(
        job=job.name,
        run_id=run_id,
        status="failed" if exception else "done",
        dry_run=options.dry_run,
        error=_told(config, exception) if exception else None,
        exception=exception,
        **state.as_result(),
    )


def _run_all(
    job: Job | Pipeline, config: Config, options: Options, state: State, runs: RunLog
) -> None:
    if options.dry_run:
        with opened_engine(options.engine, config) as take:
            _run_steps(job, Run(config=config, options=options, state=state, log=runs, take=take))
        return
    databases = list(dict.fromkeys(config.database(name) for name in job.databases))
    with alone(job.name, databases, wait=options.wait, lock=job.lock) as still_alone:
        # First of all, so that an unreachable database fails before a long read, not after it.
        for database in databases:
            runs.start(database)
        with opened_engine(options.engine, config) as take:
            shared = Run(
                config=config,
                options=options,
                state=state,
                log=runs,
                still_alone=still_alone,
                take=take,
            )
            _run_steps(job, shared)
        for database in databases:
            if database not in runs.ended:
                runs.finish(database, status="done", seconds=state.seconds, counts=state.counts)


def _run_steps(job: Job | Pipeline, run: Run) -> None:
    for step in job.steps:
        run_step(run, step, last=step is job.steps[-1])


def _record_failure(config: Config, state: State, runs: RunLog, error: str) -> None:
    for database in runs.attempts:
        try:
            runs.finish(
                database, status="failed", seconds=state.seconds, error=error, counts=state.counts
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
