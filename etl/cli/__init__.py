"""The ``etl`` command.

Only typer is imported at the top: everything that a command needs is imported where it runs, so
that ``etl --help`` is instant.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from etl.cli import _catalog, _contract, _db, _flows, _lint, _new, _quarantine
from etl.cli._common import Debug, Profile, load
from etl.cli._errors import DONE, FAILED, Reporter, exit_code

__all__ = ["app", "main"]

# Plain help and plain errors: rich's would take three times as long as all the rest, and the
# traceback that it draws shows local variables.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Dataframe ETL: read a source, transform it, check it, load it all or not at all.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Job = Annotated[str, typer.Argument(metavar="JOB", help="A job's name; `etl list` shows them.")]
app.add_typer(_contract.app, name="contract")
app.add_typer(_db.app, name="db")
app.add_typer(_flows.app, name="flows")
app.command("catalog")(_catalog.catalog)
app.command("lint-scripts")(_lint.lint_scripts)
app.command("quarantine")(_quarantine.quarantine)
app.command("new")(_new.new)


def main() -> None:
    """Run the command line; the entry point of ``etl`` and ``python -m etl``."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # started with the stream closed
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the process's life
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an emoji in a table is no reason to fail
    app(prog_name="etl")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"etl {version('data-orchestration')}")
        raise typer.Exit


@app.callback()
def _etl(
    context: typer.Context,
    profile: Profile = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    context.obj = profile


@app.command("list")
def list_command() -> None:
    """List the jobs."""
    from etl.cli import _output
    from etl.jobs import list_jobs

    _output.job_list(list_jobs())


@app.command()
def run(
    context: typer.Context,
    job: Job,
    *,
    profile: Profile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="Read at most N rows; implies --dry-run."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if any row breaks its contract.")
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Let an empty source empty the table.")
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, metavar="N", help="Take N rows, where the job samples."),
    ] = None,
    step: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="STEP", help="Only this step of the job; may be repeated."),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", min=0, metavar="SECONDS", help="Wait for another run of the job to end."
        ),
    ] = 0.0,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="E",
            help="What transforms run on: polars, polars-lazy, pandas, pyarrow, duckdb or spark.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on the last line of stdout.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Run a job: everything is loaded, or nothing."""
    from etl.cli import _kestra, _output

    in_kestra = _kestra.inside()

    def told(values: dict[str, Any]) -> None:
        """For machines: what Kestra reads, then the line that --json promises to be the last."""
        if in_kestra:
            _output.line(_kestra.result_line(values, reporter.redact))
        if as_json:
            _output.json_line(values)

    def failed(error: str) -> None:
        run_id = os.environ.get("ETL_RUN_ID")
        told({**_NOT_FINISHED, "run_id": run_id, "job": job, "error": error})

    reporter = Reporter(debug=debug, on_error=failed)
    with reporter, _kestra.live_warnings(reporter) if in_kestra else nullcontext():
        from etl.jobs import check_job_name

        check_job_name(job)  # before the configuration, and before anything heavy is imported
        config = load(context, profile, reporter)
        from etl.cli._progress import progress_bars
        from etl.runner import execute

        with progress_bars(wanted=not in_kestra) as progress:
            result = execute(
                job,
                config,
                dry_run=dry_run,
                limit=limit,
                strict=strict,
                allow_empty=allow_empty,
                sample=sample,
                steps=step or None,
                wait=wait,
                engine=engine,
                progress=progress,
            )
        if result.exception is not None:
            if interrupt := reporter.interrupted(result.exception):
                raise interrupt
            reporter.show(result.exception)
        told(result.as_dict())
        if not (as_json or in_kestra):
            _output.run_result(result)
    raise typer.Exit(exit_code(result.exception) if result.exception else DONE)


# What --json says of a run that never came to a result.
_NOT_FINISHED: dict[str, Any] = {
    "status": "failed",
    "rows_read": 0,
    "rows_written": 0,
    "rows_quarantined": 0,
    "seconds": 0.0,
}


@app.command()
def preview(
    context: typer.Context,
    job: Job,
    profile: Profile = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Read at most N rows.")
    ] = 20,
    debug: Debug = False,
) -> None:
    """Show a job's first rows as they would be loaded; nothing is written."""
    with Reporter(debug=debug) as reporter:
        from etl.jobs import check_job_name, get_job

        check_job_name(job)
        config = load(context, profile, reporter)
        from etl.cli import _output
        from etl.runner import group_reasons

        for part in get_job(job).steps:
            for name, checked in part.preview(config=config, limit=limit).items():
                _output.columns(name, checked.good)
                if checked.rejected.height:
                    _output.reasons(group_reasons(checked.rejected["reason"]))


@app.command()
def history(
    context: typer.Context,
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="Only this job's runs.")
    ] = None,
    profile: Profile = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most N runs.")] = 20,
    debug: Debug = False,
) -> None:
    """Show the latest runs, newest first."""
    with Reporter(debug=debug) as reporter:
        from etl.jobs import check_job_name, get_job, job_names

        names = job_names()
        if job is not None:
            check_job_name(job)
            names = (job,)
        config = load(context, profile, reporter)
        from etl.cli import _output
        from etl.runner import history as past_runs

        databases = [database for name in names for database in get_job(name).databases]
        _output.past_runs(past_runs(config, databases, job=job, limit=limit))


@app.command()
def check(
    context: typer.Context,
    *,
    build: Annotated[
        bool,
        typer.Option("--build", help="Check jobs, contracts, flows and the wheel before a deploy."),
    ] = False,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Check the configuration, connections, tables, boards and sources; or the build."""
    with Reporter(debug=debug) as reporter:
        config = load(context, profile, reporter)
        from etl.cli import _output

        if build:
            from etl.kestra.build import check_build
            from etl.scaffold import project_root

            items = list(check_build(config, project_root()))
        else:
            from etl.jobs import get_job, job_names
            from etl.runner import check as check_all

            items = check_all(config, [get_job(name) for name in job_names()])
        _output.checks(items)
        if any(item.ok is False for item in items):
            raise typer.Exit(FAILED)


@app.command()
def samples(
    context: typer.Context,
    *,
    profile: Profile = None,
    rows: Annotated[
        int, typer.Option("--rows", min=0, metavar="N", help="Rows of orders to make.")
    ] = 500,
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", help="Another seed, other samples.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            file_okay=False,
            help="Write the sample board here, too: N items, as monday.com's answers.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Fill servers too, and replace rows that are no samples."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Fill the databases with generated orders and shipments, and the truth about them."""
    with Reporter(debug=debug) as reporter:
        config = load(context, profile, reporter)
        from etl.cli._progress import progress_bars
        from etl.errors import ConfigError
        from etl.io.sample_tables import fill
        from etl.samples import write_samples

        written: list[Path] = []
        if out is not None:
            try:
                written = write_samples(out, rows=rows, seed=seed)
            except OSError as error:
                raise ConfigError(f"{out}: can't be written: {error.strerror}") from error
        with progress_bars() as progress:
            filled = fill(config, rows, seed, force=force, progress=progress)
        for table, height in filled.items():
            typer.echo(f"{table}: {height} rows")
        if out is not None:
            typer.echo(f"{len(written)} files with {rows} items in {out}")
