"""``etl contract``: contracts kept up with the boards and tables that they describe."""

from __future__ import annotations

from typing import Annotated

import typer

# Not only for type checkers: typer reads the annotations.
from etl.cli._common import Debug, Profile, load
from etl.cli._errors import Reporter

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Keep contracts up with their sources."
)


@app.callback()
def _contract() -> None:
    """Keep contracts up with their sources."""


@app.command()
def update(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job whose sources are compared.")],
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the patch, and do not only show it.")
    ] = False,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Propose the patch that brings a job's contracts up with its live boards and tables."""
    with Reporter(debug=debug) as reporter:
        from etl.jobs import check_job_name, get_job

        check_job_name(job)
        config = load(context, profile, reporter)
        from etl.cli import _output
        from etl.scaffold import apply_patches, contract_patches, project_root

        root = project_root()
        patches = contract_patches(get_job(job), config, root)
        differences = [difference for patch in patches if (difference := patch.diff(root))]
        _output.line("".join(differences).rstrip("\n") or "no difference")
        for patch in patches:
            for note in patch.notes:
                typer.echo(f"note: {note}", err=True)
        if apply and differences:
            apply_patches(patches)
            for patch in patches:
                typer.echo(f"written: {patch.path.relative_to(root)}", err=True)
