"""What a notebook shows of a job, of the frames it has read, and of its preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.jobs.outputs import Notes, SetAside, Table
from etl.markup import facts, frame_table, paragraphs, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from etl.contracts.check import Checked
    from etl.jobs.base import Job, Pipeline
    from etl.jobs.outputs import Output

    _Frames = dict[str, pl.DataFrame]
    _Checked = dict[str, Checked]
else:
    _Frames = _Checked = dict

__all__ = ["Frames", "Preview", "job_html", "pipeline_html"]


class Frames(_Frames):
    """Frames by name."""

    def _repr_html_(self) -> str:
        return "".join(
            section(name, frame_table(frame, caption=f"{frame.height} rows, {frame.width} columns"))
            for name, frame in self.items()
        )


class Preview(_Checked):
    """For each table by name, the rows that keep its contract and those set aside."""

    def _repr_html_(self) -> str:
        return "".join(section(name, checked._repr_html_()) for name, checked in self.items())


def job_html(job: Job) -> str:
    """A job's parts: what it reads, its transform, and where the rows go."""
    call = job.call.writer.describe() if job.call else None
    return section(
        f"job {job.name}",
        paragraphs([job.description] if job.description else []),
        facts(
            [
                ("schedule", f"{job.schedule} (UTC)" if job.schedule else "none"),
                ("transform", f"{job.transform.__module__}.{job.transform.__qualname__}"),
                ("call", call),
            ]
        ),
        table(
            ["input", "read from"],
            [(name, reader.describe()) for name, reader in job.inputs.items()],
        ),
        table(
            ["output", "goes to", "mode", "contract", "key"],
            [(name, *_goes_to(output)) for name, output in job.outputs.items()],
        ),
    )


def pipeline_html(pipeline: Pipeline) -> str:
    """A pipeline's steps, in order."""
    return section(
        f"pipeline {pipeline.name}",
        paragraphs([pipeline.description] if pipeline.description else []),
        facts([("schedule", f"{pipeline.schedule} (UTC)" if pipeline.schedule else "none")]),
        table(
            ["step", "reads", "writes"],
            [
                (
                    step.name,
                    ", ".join(reader.describe() for reader in step.inputs.values()),
                    ", ".join(_targets(step)),
                )
                for step in pipeline.steps
            ],
        ),
    )


def _targets(job: Job) -> Iterator[str]:
    if job.call is not None:
        yield job.call.writer.describe()
    for output in job.outputs.values():
        if isinstance(output, Table):
            yield f"table {output.table} in {output.database}"


def _goes_to(output: Output) -> tuple[str, str | None, str | None, str | None]:
    if isinstance(output, Table):
        columns = len(output.contract.column_names())
        contract = f"{output.contract.__name__}, {columns} columns"
        key = ", ".join(output.key) or None
        return f"table {output.table} in {output.database}", output.mode, contract, key
    if isinstance(output, SetAside):
        return f"etl_quarantine, beside {output.output}", None, None, None
    if isinstance(output, Notes):
        return "the run's notes", None, None, None
    return output.describe(), None, None, None
