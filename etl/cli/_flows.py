"""``etl flows``: the jobs as flows in Kestra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# Not only for type checkers: typer reads the annotations.
from etl.cli._common import Debug, Profile, load
from etl.cli._errors import FAILED, Reporter

if TYPE_CHECKING:
    from etl.config import Config

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The jobs as flows in Kestra.")

Jobs = Annotated[list[str] | None, typer.Argument(metavar="[JOB]...", help="Else all jobs.")]
Target = Annotated[
    str, typer.Option("--target", metavar="1|2|both", help="The major version of Kestra.")
]
Folder = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="The folder of flows; else flows/ by config.yaml."),
]


@app.callback()
def _flows() -> None:
    """The jobs as flows in Kestra."""


def _load(context: typer.Context, profile: str | None, reporter: Reporter) -> Config:
    """The configuration with the profile that flows run with, unless another one is named."""
    config = load(context, profile, reporter)
    named = profile is not None or context.obj is not None
    if named or config.profile or config.flows_profile is None:
        return config
    return load(context, config.flows_profile, reporter)


def _near(folder: Path) -> Path:
    """A folder as people write it, from where they are."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


@app.command()
def render(
    context: typer.Context,
    jobs: Jobs = None,
    *,
    target: Target = "both",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Where to; else flows/ by config.yaml; - prints."
        ),
    ] = None,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Write each job's flow, from the job and config.yaml."""
    with Reporter(debug=debug) as reporter:
        config = _load(context, profile, reporter)
        from etl.cli import _output
        from etl.kestra.files import generated_flows, write_flows

        flows = generated_flows(config, jobs or (), target=target)
        if str(out) == "-":
            _output.line("---\n".join(flows.values()).rstrip("\n"))
            return
        folder = out or config.path.parent / "flows"
        written = write_flows(_near(folder), flows, complete=not jobs)
        _output.files((item.file, item.outcome) for item in written)


@app.command()
def diff(
    context: typer.Context,
    jobs: Jobs = None,
    *,
    folder: Folder = None,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Compare the committed flows with what the jobs and config.yaml give now."""
    with Reporter(debug=debug) as reporter:
        config = _load(context, profile, reporter)
        from etl.cli import _output
        from etl.kestra.files import generated_flows, stale_flows

        flows = generated_flows(config, jobs or ())
        found = stale_flows(_near(folder or config.path.parent / "flows"), flows, complete=not jobs)
        _output.line("\n".join(found) or "no difference")
        if found:
            raise typer.Exit(FAILED)
