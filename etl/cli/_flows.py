"""``etl flows``: the jobs as flows in Kestra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

# Not only for type checkers: typer reads the annotations.
from etl.cli._common import Debug, Profile, load_for_flows
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
        config = load_for_flows(context, profile, reporter)
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
    live: Annotated[
        bool, typer.Option("--live", help="What is committed against what the server has.")
    ] = False,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Compare the committed flows with what the jobs and config.yaml give now."""
    with Reporter(debug=debug) as reporter:
        config = load_for_flows(context, profile, reporter)
        from etl.cli import _output
        from etl.kestra.files import generated_flows, stale_flows

        near = _near(folder or config.path.parent / "flows")
        if live:
            from etl.io.kestra import KestraClient
            from etl.kestra.deploy import live_differences

            with KestraClient(config.kestra()) as client:
                found = live_differences(near, client)
        else:
            found = stale_flows(near, generated_flows(config, jobs or ()), complete=not jobs)
        _output.line("\n".join(found) or "no difference")
        if found:
            raise typer.Exit(FAILED)


@app.command()
def check(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Files or folders; else flows/ by config.yaml."),
    ] = None,
    *,
    target: Target = "both",
    schema: Annotated[
        str | None,
        typer.Option("--schema", metavar="FILE|URL", help="A server's JSON schema of flows, too."),
    ] = None,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Check flows, rendered or written by people, with strict rules for each version of Kestra."""
    with Reporter(debug=debug) as reporter:
        from etl.cli import _output
        from etl.kestra.check import check_flows, find_flows

        # A flow alone can be checked anywhere; the configuration adds the types that it names.
        config = load_for_flows(context, profile, reporter) if not paths or _configured() else None
        if not paths:
            paths = [_near(config.path.parent / "flows")] if config else []
        flows = find_flows(paths)
        found = check_flows(
            flows,
            target=target,
            config=config,
            schema=_schema(schema, config) if schema else None,
        )
        for finding in found:
            _output.line(reporter.redact(str(finding)))
        if found:
            raise typer.Exit(FAILED)
        count = "1 flow is" if len(flows) == 1 else f"{len(flows)} flows are"
        _output.line(f"{count} right for Kestra {_TARGETS[target]}")


_TARGETS = {"1": "1.x", "2": "2.x", "both": "1.x and 2.x"}


def _configured() -> bool:
    from etl.config import find_config
    from etl.errors import ConfigError

    try:
        find_config()
    except ConfigError:
        return False
    return True


def _schema(source: str, config: Config | None) -> dict[str, Any]:
    from etl.kestra.check import read_schema
    from etl.kestra.files import read_flow

    if source.startswith(("http://", "https://")):
        from etl.io.kestra import fetch

        return read_schema(fetch(source, config.kestra() if config else None), source)
    return read_schema(read_flow(Path(source)), source)


@app.command()
def deploy(
    context: typer.Context,
    *,
    folder: Folder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    allow_warnings: Annotated[
        bool,
        typer.Option(
            "--allow-warnings", help="Deploy what the server warns of or calls deprecated."
        ),
    ] = False,
    target: Target = "both",
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Send the wheel, config.yaml and the flows to Kestra: all of it, or nothing."""
    with Reporter(debug=debug) as reporter:
        config = load_for_flows(context, profile, reporter)
        from etl.cli import _output
        from etl.io.kestra import KestraClient
        from etl.kestra.deploy import deploy as deploy_plan
        from etl.kestra.deploy import plan_deployment

        with KestraClient(config.kestra()) as client:
            plan = plan_deployment(
                config,
                _near(folder or config.path.parent / "flows"),
                client,
                target=target,
                allow_warnings=allow_warnings,
            )
            _output.changes(plan.changes)
            for note in plan.notes:
                _output.line(f"note: {note}")
            if dry_run:
                _output.line("dry run: nothing was changed")
                return
            snapshot = deploy_plan(plan, client)
            if snapshot is None:
                _output.line(f"{client.where} has all of it already")
            else:
                _output.line(f"deployed to {client.where}; `etl flows rollback {snapshot.name}` undoes it")  # fmt: skip


@app.command()
def rollback(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="The deployment; else the last. Later ones go with it."
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also over what somebody else has changed since.")
    ] = False,
    list_them: Annotated[
        bool, typer.Option("--list", help="List the deployments that are kept, and do nothing.")
    ] = False,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Put back what Kestra held before a deployment."""
    with Reporter(debug=debug) as reporter:
        config = load_for_flows(context, profile, reporter)
        from etl.cli import _output
        from etl.io.kestra import KestraClient
        from etl.kestra.rollback import chosen_snapshots, plan_rollback
        from etl.kestra.rollback import rollback as roll_back
        from etl.kestra.snapshots import find_snapshots

        root = config.path.parent
        if list_them:
            _output.deployments(find_snapshots(root))
            return
        snapshots = chosen_snapshots(root, name)
        with KestraClient(config.kestra()) as client:
            changes = plan_rollback(client, snapshots, force=force)
            _output.changes(changes)
            if dry_run:
                _output.line("dry run: nothing was changed")
                return
            roll_back(client, changes, snapshots)
            undone = ", ".join(snapshot.name for snapshot in snapshots)
            _output.line(f"{client.where} is as it was before {undone}")
