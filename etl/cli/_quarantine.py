"""``etl quarantine``: the rows set aside, and what is done about them."""

from __future__ import annotations

from typing import Annotated

import typer

from etl.cli._common import Debug, Profile, load
from etl.cli._errors import Reporter

__all__ = ["quarantine"]


def quarantine(
    context: typer.Context,
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="Only this job's rows.")
    ] = None,
    *,
    profile: Profile = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Load the rows that keep their contract by now.")
    ] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Let the rows go.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Show N rows.")] = 20,
    debug: Debug = False,
) -> None:
    """Show the rows set aside and why; load them after a fix, or let them go."""
    with Reporter(debug=debug) as reporter:
        from etl.errors import ConfigError
        from etl.jobs import check_job_name, get_job, job_names

        if replay and discard:
            raise ConfigError("--replay keeps rows and --discard lets them go: choose one")
        if job is not None:
            check_job_name(job)
        config = load(context, profile, reporter)
        from etl import runner
        from etl.cli import _output

        jobs = [get_job(name) for name in ((job,) if job else job_names())]
        if replay:
            _output.replayed([each for one in jobs for each in runner.replay(config, one)])
        elif discard:
            _output.discarded(sum(runner.discard(config, one) for one in jobs))
        else:
            _output.quarantined(runner.quarantined(config, jobs), limit=limit)
