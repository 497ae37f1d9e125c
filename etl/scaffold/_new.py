"""The files of a new job, made from its plan and written together."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from etl.errors import ConfigError
from etl.scaffold._contract import attributes, column_line, uses_text
from etl.scaffold._docs import with_job
from etl.scaffold._files import FilesTogether
from etl.scaffold._plan import BoardOrigin
from etl.scaffold._python import Call, Dict, from_import, literal, statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.config import Config
    from etl.scaffold._names import JobNames
    from etl.scaffold._plan import NewJob
    from etl.scaffold._python import Expression

__all__ = ["check_free", "create_job", "project_root"]

_DOCUMENT: Final = "docs/jobs.md"
_NO_UNSIGNED: Final = """\
    if engine.name == "pyspark":
        pytest.xfail("Spark has no unsigned integers")
"""


@dataclass(frozen=True)
class _Paths:
    """Where a job's files stand, from the project's root."""

    names: JobNames

    @property
    def new(self) -> dict[str, str]:
        module = self.names.module
        return {
            "contract": f"etl/contracts/{module}.py",
            "transform": f"etl/transforms/{module}.py",
            "job": f"etl/jobs/{module}.py",
            "test": f"tests/jobs/test_{module}.py",
            "notebook": f"notebooks/{module}.ipynb",
        }

    @property
    def flow(self) -> str:
        return f"flows/{self.names.job}.yaml"


def project_root() -> Path:
    """The project's source tree, which this package is run from.

    Raises
    ------
    ConfigError
        The package is installed without its sources.
    """
    import etl

    root = Path(str(etl.__file__)).resolve().parents[1]
    wanted = ("pyproject.toml", "etl/jobs", "tests", _DOCUMENT)
    missing = [name for name in wanted if not (root / name).exists()]
    if missing:
        raise ConfigError(
            f"a job is made in the project's source tree, and {root} has no {missing[0]}: "
            "run this in a clone of the project, with `uv run etl`"
        )
    return root


def check_free(names: JobNames, root: Path) -> None:
    """Refuse a name that is taken.

    Raises
    ------
    ConfigError
        A file of the job is there already: each is named.
    """
    paths = _Paths(names)
    taken = [name for name in (*paths.new.values(), paths.flow) if (root / name).exists()]
    if taken:
        raise ConfigError(
            f"the name {names.job} is taken: there is {', '.join(taken)} already, and nothing is "
            "overwritten; choose another name",
            job=names.job,
        )


def create_job(plan: NewJob, config: Config, root: Path) -> list[str]:
    """Write a job's files: all of them, or none.

    Returns
    -------
    list of str
        The files that are new or changed, from the project's root.

    Raises
    ------
    ConfigError
        A file is there already or can't be written, or the job can't be rendered as a flow.
        Nothing was changed.
    """
    from etl.jobs import get_job, list_jobs

    check_free(plan.names, root)
    paths = _Paths(plan.names)
    texts = {
        "contract": _contract(plan),
        "transform": _filled(f"transform_{_kind(plan)}", plan),
        "job": _job(plan),
        "test": _test(plan),
        "notebook": _notebook(plan),
    }
    with FilesTogether() as together, _forgotten_on_failure(plan.names):
        for part, path in paths.new.items():
            together.create(root / path, texts[part])
        get_job(plan.names.job)  # it imports, and its parts fit together
        section = _filled("docs", plan)
        document = (root / _DOCUMENT).read_text(encoding="utf-8")
        together.replace(root / _DOCUMENT, with_job(document, list_jobs(), section))
        together.create(root / paths.flow, _flow(plan, config))
    return [*paths.new.values(), paths.flow, _DOCUMENT]


@contextmanager
def _forgotten_on_failure(names: JobNames) -> Iterator[None]:
    """Let the modules that were imported go, where their files are taken back."""
    try:
        yield
    except BaseException:
        for package in ("contracts", "transforms", "jobs"):
            sys.modules.pop(f"etl.{package}.{names.module}", None)
        raise


def _kind(plan: NewJob) -> str:
    return "board" if isinstance(plan.origin, BoardOrigin) else "table"


def _compared(names: JobNames) -> Call:
    given = (("", names.transform), ("", "source"), ("engines", "[engine]"), ("contract", names.contract))  # fmt: skip
    return Call("assert_engine_parity", given)


def _filled(template: str, plan: NewJob, **more: str) -> str:
    text = (files("etl.scaffold") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
    names = plan.names
    board = _kind(plan) == "board"
    return Template(text).substitute(
        job=names.job,
        module=names.module,
        contract=names.contract,
        transform=names.transform,
        table=_plain(plan.table),
        import_contract=from_import(f"etl.contracts.{names.module}", names.contract),
        import_transform=from_import(f"etl.transforms.{names.module}", names.transform),
        testing="assert_engine_parity" if board else "assert_engine_parity, frames",
        import_items="from tests.strategies import items\n" if board else "",
        source=f"items({names.contract})" if board else f"frames({names.contract}, rules=False)",
        compared=statement("", _compared(names), indent=4),
        input=_input(plan),
        docs_text=_told(plan),
        **more,
    )


def _input(plan: NewJob) -> str:
    return "items" if _kind(plan) == "board" else "source"


def _plain(text: str) -> str:
    """A text as it can stand in a docstring or in Markdown."""
    return text.replace("\\", "/").replace('"', "'").replace("`", "'")


def _contract(plan: NewJob) -> str:
    columns = plan.proposal.columns
    named = attributes(columns)
    key = [column.name for column in columns if column.primary_key]
    rows = "an item" if _kind(plan) == "board" else "for each of the source's"
    by_key = f", by {', '.join(f'``{_plain(name)}``' for name in key)}" if key else ""
    return _filled(
        "contract",
        plan,
        what=f"one row {rows}",
        row=f"One row {rows}{by_key}",
        source_text=_plain(plan.origin.where),
        text_import="\nfrom etl.contracts.text import Text\n" if uses_text(columns) else "",
        columns="\n".join(column_line(column, named[column.name]) for column in columns),
    )


def _job(plan: NewJob) -> str:
    origin, names = plan.origin, plan.names
    reader: Expression
    if isinstance(origin, BoardOrigin):
        module, kind = "etl.io.monday.reader", "MondayItems"
        reader = Call(kind, (("board", literal(origin.board)), ("contract", names.contract)))
    else:
        module, kind = "etl.io.tables", "TableSource"
        at = (("database", literal(origin.database)), ("table", literal(origin.table)))
        reader = Call(kind, (*at, ("contract", names.contract)))
    table = [("", literal(plan.database)), ("", literal(plan.table)), ("contract", names.contract)]
    if plan.mode != "replace":
        table.append(("mode", literal(plan.mode)))
    outputs: dict[str, Expression] = {"rows": Call("Table", tuple(table))}
    arguments: list[tuple[str, Expression]] = [
        ("name", literal(names.job)),
        ("description", literal(plan.description)),
        ("inputs", Dict({_input(plan): reader})),
        ("transform", names.transform),
        ("outputs", Dict(outputs)),
    ]
    if plan.schedule is not None:
        arguments.append(("schedule", literal(plan.schedule)))
    return _filled(
        "job",
        plan,
        what_it_does=_plain(plan.description),
        import_reader=from_import(module, kind),
        declaration=statement(f"{names.module} = ", Call("Job", tuple(arguments))),
    )


def _test(plan: NewJob) -> str:
    unsigned = any(str(column.dtype).startswith("UInt") for column in plan.proposal.columns)
    return _filled(
        "test",
        plan,
        import_pytest="import pytest\n" if unsigned else "",
        gap=_NO_UNSIGNED if unsigned else "",
    )


def _told(plan: NewJob) -> str:
    what = "every item of" if _kind(plan) == "board" else "the rows of"
    where = f"`{_plain(plan.table)}` in `{plan.database}`, mode `{plan.mode}`"
    contract = f"[its contract](../etl/contracts/{plan.names.module}.py)"
    return (
        f"Reads {what} {_plain(plan.origin.where)} and loads {where}.\n"
        f"Its columns are those of {contract}, which `etl new`\n"
        "made from the live columns; rows that break it are set aside."
    )


def _notebook(plan: NewJob) -> str:
    """A notebook that runs the job's parts one by one, and writes nothing."""
    job, given = plan.names.job, _input(plan)
    cells = [
        ("about", f"# {job}\n\n{plan.description}\n\nPart by part; nothing is written."),
        ("read", f'from etl.jobs import get_job\n\njob = get_job("{job}")\nframes = job.read(limit=50)\nframes["{given}"].head()'),
        ("transform", f'rows = job.transform(frames["{given}"])\nrows.describe()'),
        ("check", 'checked = job.check({"rows": rows})["rows"]\nchecked.good.height, checked.rejected["reason"].to_list()'),
    ]  # fmt: skip
    return (
        json.dumps(
            {
                "cells": [_cell(name, text) for name, text in cells],
                "metadata": {
                    "kernelspec": {
                        "display_name": "Python 3",
                        "language": "python",
                        "name": "python3",
                    },
                    "language_info": {"name": "python"},
                },
                "nbformat": 4,
                "nbformat_minor": 5,
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def _cell(name: str, text: str) -> dict[str, object]:
    source = text.splitlines(keepends=True)
    if name == "about":
        return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}
    code: dict[str, object] = {"cell_type": "code", "execution_count": None, "id": name}
    return {**code, "metadata": {}, "outputs": [], "source": source}


def _flow(plan: NewJob, config: Config) -> str:
    """The job's flow, with the profile that flows run with."""
    from etl.config import load_config
    from etl.kestra import render

    profile = config.flows_profile
    if profile is not None and profile != config.profile:
        config = load_config(config.path, profile=profile)
    return render(plan.names.job, config)
