"""``etl catalog``: one page about everything, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# Not only for type checkers: typer reads the annotations.
from etl.cli._common import Debug, Profile, load, load_for_flows
from etl.cli._errors import Reporter

__all__ = ["catalog"]


def catalog(
    context: typer.Context,
    *,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", file_okay=False, help="Where index.html goes."),
    ] = Path("site"),
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Make a page of jobs, lineage, contracts, schedules, runs."""
    with Reporter(debug=debug) as reporter:
        # Before the configuration that is read with: its secrets are those to keep.
        flows = load_for_flows(context, profile, reporter)
        config = load(context, profile, reporter)
        import datetime as dt

        from etl.catalog import collect, render, write_page
        from etl.jobs import get_job, job_names

        jobs = [get_job(name) for name in job_names()]
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        found, warnings = collect(config, jobs, now=now, flows=flows)
        path = write_page(render(found), out)
        for warning in warnings:
            typer.echo(f"warning: {warning}", err=True)
        runs = sum(len(job.runs) for job in found.jobs)
        typer.echo(f"{path}: {len(found.jobs)} jobs, {len(found.places)} tables and sources, {runs} runs")  # fmt: skip
        if show:
            typer.launch(path.resolve().as_uri())
