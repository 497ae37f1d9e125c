"""``etl new``: a job from a live board or table; asks what is not told, on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

# Not only for type checkers: typer reads the annotations.
from etl.cli._common import Debug, Profile, load
from etl.cli._errors import Reporter
from etl.errors import ConfigError, EtlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.config import Config
    from etl.scaffold import BoardOrigin, JobNames, TableOrigin

__all__ = ["new"]

_LISTED = 30


def new(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The new job's name: order-lines.")],
    *,
    from_board: Annotated[
        str | None,
        typer.Option(
            "--from-board", metavar="ID|NAME", help="Read a board, of config.yaml or by number."
        ),
    ] = None,
    from_table: Annotated[
        str | None,
        typer.Option("--from-table", metavar="DB.SCHEMA.TABLE", help="Read a table."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DB.SCHEMA.TABLE",
            help="Load this table; else one called after the job, in the first database.",
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", metavar="MODE", help="How to load; else replace."),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="CRON", help="When it runs, in UTC; else by hand."),
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="One line about it.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: the defaults for what is not told.")
    ] = False,
    profile: Profile = None,
    debug: Debug = False,
) -> None:
    """Make a job from a live board or table: its contract, transform, test, flow and the rest."""
    with Reporter(debug=debug) as reporter:
        from etl.scaffold import check_free, create_job, job_names_of, plan_job, project_root
        from etl.scaffold import table_origin as table_at

        names, root = job_names_of(job), project_root()
        check_free(names, root)
        config = load(context, profile, reporter)
        ask = not yes and sys.stdin.isatty() and sys.stdout.isatty()
        origin = _origin(config, from_board, from_table, ask=ask, yes=yes)
        target = table_at(config, to, option="--to") if to is not None else None
        if ask:
            target = target or _ask_target(config, names)
            mode = mode or _choose("how", ("replace", "append", "insert", "upsert", "sync"))
            schedule = schedule or _asked("schedule (cron, UTC; empty: none)", "") or None
        plan = plan_job(
            config,
            names,
            origin,
            target=target,
            mode=mode or "replace",
            schedule=schedule,
            description=description,
        )
        written = create_job(plan, config, root)
        key = [column.name for column in plan.proposal.columns if column.primary_key]
        typer.echo(
            f"{names.job}: {len(plan.proposal.columns)} columns of {origin.where}, "
            f"key {', '.join(key) or 'none'}, into {plan.table} in {plan.database}"
        )
        for path in written:
            typer.echo(f"  {path}")
        for note in plan.proposal.notes:
            typer.echo(f"  note: {note}")
        typer.echo(
            f"next: uv run etl run {names.job} --dry-run, and uv run pytest -k {names.module}"
        )


def _origin(
    config: Config, board: str | None, table: str | None, *, ask: bool, yes: bool
) -> BoardOrigin | TableOrigin:
    from etl.scaffold import board_origin, default_origin, table_origin

    if board is not None and table is not None:
        raise ConfigError("--from-board and --from-table: a new job reads one of them")
    if board is not None:
        return board_origin(config, board)
    if table is not None:
        return table_origin(config, table)
    if yes:
        return default_origin(config)
    if ask:
        return _ask_origin(config)
    raise ConfigError(
        "what shall the job read? Name it with --from-board or --from-table, or say --yes for the "
        "first board of config.yaml"
    )


def _ask_origin(config: Config) -> BoardOrigin | TableOrigin:
    from etl.io.catalogue import table_names
    from etl.scaffold import board_origin, table_origin

    try:
        boards = list(config.monday().boards)
    except ConfigError as error:
        typer.echo(f"no boards: {error}")
        boards = []
    kinds = (["board"] if boards else []) + ["table"]
    if _choose("read a", kinds) == "board":
        return board_origin(config, _choose("board (or a number)", boards, free=True))
    database = _choose("database", config.databases)
    try:
        tables = table_names(config.database(database))[:_LISTED]
    except EtlError as error:
        typer.echo(f"its tables can't be listed: {error}")
        tables = []
    return table_origin(config, f"{database}.{_choose('table', tables, free=True)}")


def _ask_target(config: Config, names: JobNames) -> TableOrigin:
    from etl.scaffold import table_origin

    database = _choose("load into the database", config.databases)
    table = _asked("table", f"dbo.{names.module}")
    return table_origin(config, f"{database}.{table}", option="table")


def _choose(question: str, choices: Sequence[str], *, free: bool = False) -> str:
    """Ask for one of these, by name or number; ``free`` takes any other answer too."""
    if len(choices) == 1 and not free:
        return choices[0]
    for number, choice in enumerate(choices, start=1):
        typer.echo(f"  {number} {choice}")
    while True:
        default = choices[0] if choices else None
        answer = _asked(question, default)
        if answer in choices:
            return answer
        if answer.isdigit() and 0 < int(answer) <= len(choices):
            return choices[int(answer) - 1]
        if free and answer:
            return answer
        typer.echo(f"one of {', '.join(choices)}, or its number")


def _asked(question: str, default: str | None) -> str:
    try:
        return str(typer.prompt(question, default)).strip()
    except typer.Abort:  # Ctrl-C, or the end of the input: nothing has been written
        raise KeyboardInterrupt from None
