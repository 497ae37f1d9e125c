"""What several commands share: options, and the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from etl.cli._errors import Reporter
    from etl.config import Config

__all__ = ["Debug", "Profile", "load", "load_for_flows"]

Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="P", help="The profile of config.yaml; else ETL_PROFILE."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def load(context: typer.Context, profile: str | None, reporter: Reporter) -> Config:
    """The configuration; from then on the reporter keeps its secrets."""
    from etl.config import load_config

    config = load_config(profile=profile or context.obj)
    reporter.redact = config.redact
    return config


def load_for_flows(context: typer.Context, profile: str | None, reporter: Reporter) -> Config:
    """The configuration with the profile that flows run with, unless another one is named."""
    config = load(context, profile, reporter)
    named = profile is not None or context.obj is not None
    if named or config.profile or config.flows_profile is None:
        return config
    return load(context, config.flows_profile, reporter)
