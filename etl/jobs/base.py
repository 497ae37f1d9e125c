"""A job: a declaration of readers, a transform and the tables it fills; a pipeline is several."""

from __future__ import annotations

import datetime as dt
import inspect
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from etl.config import get_config
from etl.errors import ConfigError, ContractError
from etl.io.engines import to_polars
from etl.io.source import Read, ReadContext
from etl.jobs._shown import Frames, Preview, job_html, pipeline_html
from etl.jobs.outputs import Notes, SetAside, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import polars as pl

    from etl.config import Config
    from etl.contracts.check import Checked
    from etl.io.sink import Writer
    from etl.io.source import Reader
    from etl.jobs.outputs import Output

__all__ = ["Call", "Job", "Notes", "Pipeline", "SetAside", "Table"]


# What a run gives to a transform that asks for it by name: transforms have no clock. ``results``
# is what became of the payloads of the job's call.
_SUPPLIED: Final = ("now", "run_id", "sample", "results")


@dataclass(frozen=True)
class Call:
    """What a job has done at an API, between its transform's reading and its tables' loading.

    ``payloads`` is a pure function of the job's inputs, or of those that it names, and gives the
    frame that ``writer`` takes. What became of each payload is the transform's parameter
    ``results``; an input that only the payloads need is none of the transform's.
    """

    payloads: Callable[..., Any]
    writer: Writer


@dataclass(frozen=True, kw_only=True)
class Job:
    """Readers, a transform, and tables with their contracts.

    Parameters
    ----------
    name
        What ``etl run`` calls it.
    inputs
        Readers by name.
    transform
        A pure function of frames. With one input it takes that frame as its first parameter; with
        several, its parameters are called as the inputs. A parameter called ``now`` (an aware UTC
        datetime), ``run_id``, ``sample`` or ``results`` is supplied by the run.
    outputs
        Tables by name, and whatever else of :mod:`etl.jobs.outputs`. With one output the transform
        returns a frame, with several a mapping; a sink takes a mapping of frames.
    schedule
        When it runs in production, as a cron expression in UTC.
    description
        One line about it.
    call
        What is done at an API; its results are there before anything is loaded.
    repeat
        Run again, and commit again, until ``call`` has no payloads left.
    sample
        How many rows the transform's ``sample`` is by default (``etl run --sample``).
    lock
        Jobs of one lock do not run at the same time, since they work on the same rows; by default
        each has its own.

    Raises
    ------
    ConfigError
        The parameters do not fit the inputs, or an output belongs to none.

    Examples
    --------
    Each part works alone, in a notebook for example::

        frames = board_planning.read(limit=50)
        rows = board_planning.transform(frames["items"])
        board_planning.preview()["planning"].good
    """

    name: str
    inputs: Mapping[str, Reader]
    transform: Callable[..., Any]
    outputs: Mapping[str, Output]
    schedule: str | None = None
    description: str = ""
    call: Call | None = None
    repeat: bool = False
    sample: int | None = None
    lock: str | None = None

    def __post_init__(self) -> None:
        if not self.inputs or not self.outputs:
            raise self._wrong("a job has inputs and outputs")
        taken = self._inputs_of(self.transform, "the transform")
        if self.call is not None:
            taken |= self._inputs_of(self.call.payloads, "payloads")
        if len(self.inputs) > 1 and taken != set(self.inputs):
            left = [name for name in self.inputs if name not in taken]
            raise self._wrong(
                f"the inputs are {', '.join(self.inputs)}, but the transform takes no "
                f"{', '.join(left)}; name its parameters as the inputs"
            )
        if self.repeat and self.call is None:
            raise self._wrong("only a job with a call repeats: nothing else tells when it is done")
        for output in self.outputs.values():
            if isinstance(output, SetAside) and output.output not in self.tables:
                raise self._wrong(
                    f"rows are set aside from {output.output!r}, which is none of the tables "
                    f"{', '.join(self.tables) or '(none)'}"
                )
        if not self.databases:
            raise self._wrong("no output and no input is in a database: a run has to be logged")

    def _inputs_of(self, function: Callable[..., Any], what: str) -> set[str]:
        """Which inputs a function takes: of a single one, whatever its parameter is called."""
        names = list(inspect.signature(function).parameters)
        frames = {name for name in names if name in self.inputs or name not in _SUPPLIED}
        fits = len(frames) == 1 if len(self.inputs) == 1 else frames and frames <= set(self.inputs)
        if not fits:
            raise self._wrong(
                f"the inputs are {', '.join(self.inputs)}, but {what} "
                f"takes {', '.join(names) or 'nothing'}; name its parameters as the inputs"
            )
        return frames

    def _wrong(self, problem: str) -> ConfigError:
        return ConfigError(f"job {self.name}: {problem}", job=self.name)

    @property
    def steps(self) -> tuple[Job, ...]:
        """The job itself: a pipeline of one."""
        return (self,)

    @property
    def tables(self) -> dict[str, Table]:
        """The outputs that are tables."""
        return {name: out for name, out in self.outputs.items() if isinstance(out, Table)}

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases that hold its runs: those of its tables, else that of its first input."""
        written = [table.database for table in self.tables.values()]
        read = [reader.database for reader in self.inputs.values() if hasattr(reader, "database")]
        return tuple(dict.fromkeys(written or read[:1]))

    @property
    def takes_sample(self) -> bool:
        """Whether the transform asks for ``sample``."""
        return "sample" in inspect.signature(self.transform).parameters

    def read(
        self, *, config: Config | None = None, limit: int | None = None, allow_empty: bool = False
    ) -> dict[str, pl.DataFrame]:
        """Read every input.

        Parameters
        ----------
        config
            By default the configuration of the current directory and environment.
        limit
            At most this many rows of each source.
        allow_empty
            An empty source is no error.

        Returns
        -------
        dict
            A polars frame for each input, by name.

        Raises
        ------
        SourceError
            A source could not be read, or not completely.
        """
        context = ReadContext(config=config or get_config(), limit=limit, allow_empty=allow_empty)
        return Frames({name: read.frame for name, read in self.read_inputs(context).items()})

    def read_inputs(self, context: ReadContext) -> dict[str, Read]:
        """Read every input, with the readers' notes."""
        return {name: reader.read(context) for name, reader in self.inputs.items()}

    def payloads(self, frames: Mapping[str, Any], *, now: dt.datetime, run_id: str) -> pl.DataFrame:
        """Make the frame that the job's call takes, of frames of the inputs."""
        if self.call is None:
            raise self._wrong("it has no call, and so no payloads")
        return to_polars(self._apply(self.call.payloads, frames, {"now": now, "run_id": run_id}))

    def apply(
        self,
        frames: Mapping[str, Any],
        *,
        now: dt.datetime,
        run_id: str,
        sample: int | None = None,
        results: Any = None,
    ) -> dict[str, Any]:
        """Run the transform on frames of the inputs, and on ``results``, all of one engine.

        Returns
        -------
        dict
            A polars frame for each output by name; for a sink a mapping of polars frames.

        Raises
        ------
        ContractError
            The transform does not give the outputs that the job names.
        """
        supplied = {"now": now, "run_id": run_id, "sample": sample, "results": results}
        given = self._apply(self.transform, frames, supplied)
        files_alone = len(self.outputs) == 1 and not self.tables
        if not isinstance(given, Mapping) or (files_alone and set(given) != set(self.outputs)):
            given = {next(iter(self.outputs)): given}
        if set(given) != set(self.outputs):
            raise ContractError(
                f"job {self.name}: the transform gave {', '.join(map(str, given))}; "
                f"the outputs are {', '.join(self.outputs)}",
                job=self.name,
            )
        return {name: _polars_of(given[name]) for name in self.outputs}

    def _apply(
        self,
        function: Callable[..., Any],
        frames: Mapping[str, Any],
        supplied: Mapping[str, Any],
    ) -> Any:
        names = inspect.signature(function).parameters
        more = {
            name: value
            for name, value in supplied.items()
            if name in names and name not in self.inputs
        }
        if len(self.inputs) == 1:
            [frame] = frames.values()
            return function(frame, **more)
        return function(**{name: frames[name] for name in frames if name in names}, **more)

    def check(self, rows: Mapping[str, Any]) -> dict[str, Checked]:
        """Split each table's rows into those that keep its contract and those set aside.

        What the transform has set aside itself stands before what breaks the contract.
        """
        from etl.contracts.check import split

        checked = {name: split(rows[name], table.contract) for name, table in self.tables.items()}
        for name, output in self.outputs.items():
            if isinstance(output, SetAside):
                checked[output.output] = checked[output.output].with_rejected(rows[name])
        return checked

    def preview(self, *, config: Config | None = None, limit: int = 20) -> dict[str, Checked]:
        """Read a few rows, transform and check them, and write nothing.

        Returns
        -------
        dict
            For each table: ``good`` as it would be loaded, ``rejected`` with reasons.
        """
        config = config or get_config()
        frames = self.read(config=config, limit=limit)
        now, run_id = dt.datetime.now(dt.UTC), f"preview-{uuid.uuid4().hex[:6]}"
        results = None
        if self.call is not None:
            from etl.io.sink import WriteContext

            payloads = self.payloads(frames, now=now, run_id=run_id)
            results = self.call.writer.plan(payloads, WriteContext(config=config)).results
        rows = self.apply(frames, now=now, run_id=run_id, sample=self.sample, results=results)
        return Preview(self.check(rows))

    def _repr_html_(self) -> str:
        return job_html(self)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Jobs that run one after another as one: one lock, one run, a commit for each step.

    A step reads what the ones before it have committed, so a pipeline that was stopped goes on
    where it stood.

    Parameters
    ----------
    name
        What ``etl run`` calls it.
    steps
        Its jobs, in order.
    schedule, description
        As those of a :class:`Job`.
    lock
        As that of a :class:`Job`; those of the steps do not count.

    Raises
    ------
    ConfigError
        There are no steps, or two of one name.
    """

    name: str
    steps: tuple[Job, ...]
    schedule: str | None = None
    description: str = ""
    lock: str | None = None

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if not names or len(set(names)) < len(names):
            raise ConfigError(
                f"job {self.name}: a pipeline has steps, each with a name of its own; "
                f"it has {', '.join(names) or 'none'}",
                job=self.name,
            )

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases that hold its runs."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.databases))

    @property
    def takes_sample(self) -> bool:
        """Whether a step's transform asks for ``sample``."""
        return any(step.takes_sample for step in self.steps)

    def only(self, names: Iterable[str]) -> Pipeline:
        """The pipeline with some of its steps, in its own order.

        Raises
        ------
        ConfigError
            It has no such step.
        """
        wanted = set(names)
        known = [step.name for step in self.steps]
        if unknown := sorted(wanted.difference(known)):
            raise ConfigError(
                f"job {self.name} has no step {', '.join(unknown)}; it has {', '.join(known)}",
                job=self.name,
            )
        return replace(self, steps=tuple(step for step in self.steps if step.name in wanted))

    def _repr_html_(self) -> str:
        return pipeline_html(self)


def _polars_of(given: Any) -> Any:
    """Bring a frame to polars, or each of a mapping of frames."""
    if isinstance(given, Mapping):
        return {name: to_polars(frame) for name, frame in given.items()}
    return to_polars(given)
