"""``etl lint-scripts``: what must go from scripts of the old kind."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Literal

import typer

from etl.cli._common import Debug  # noqa: TC001
from etl.cli._errors import FAILED, Reporter

__all__ = ["lint_scripts"]


def lint_scripts(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Python files, and folders of them.")
    ],
    output_format: Annotated[
        Literal["plain", "sarif"], typer.Option("--format", help="plain, or sarif for editors.")
    ] = "plain",
    debug: Debug = False,
) -> None:
    """Find what must go from scripts, and say what to use instead; exit 1 if there is any."""
    with Reporter(debug=debug):
        from etl.cli import _output
        from etl.migration import as_sarif, lint_paths

        findings = lint_paths(paths)
        if output_format == "sarif":
            from importlib.metadata import version

            _output.json_line(as_sarif(findings, version=version("data-orchestration")))
        else:
            _output.findings(findings)
    raise typer.Exit(FAILED if findings else 0)
