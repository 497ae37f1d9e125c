"""A job: a declaration of readers, a transform and the tables it fills."""

from __future__ import annotations

import datetime as dt
import inspect
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.config import get_config
from etl.errors import ConfigError, ContractError
from etl.io.source import Read, ReadContext

if TYPE_CHECKING:
    from collections.abc import Callable

    import dataframely as dy
    import polars as pl

    from etl.config import Config
    from etl.contracts.check import Checked
    from etl.io.keys import Mode
    from etl.io.source import Reader

__all__ = ["Job", "Table"]

# The runner gives these to a transform that asks for them by name: transforms have no clock.
_SUPPLIED = ("now", "run_id")


@dataclass(frozen=True)
class Table:
    """Where an output goes: a table of a database in config.yaml, and the contract of its rows.

    ``mode`` is the door's (:func:`etl.io.db_helper.write_frame`); modes by key use the contract's
    primary key.
    """

    database: str
    table: str
    contract: type[dy.Schema] = field(kw_only=True)
    mode: Mode = field(default="replace", kw_only=True)

    @property
    def key(self) -> tuple[str, ...]:
        """The contract's primary key; empty where it has none."""
        return tuple(self.contract.primary_key())


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
        datetime) or ``run_id`` is supplied by the run.
    outputs
        Tables by name. With one output the transform returns a frame, with several a mapping.
    schedule
        When it runs in production, as a cron expression in UTC.
    description
        One line about it.

    Raises
    ------
    ConfigError
        The transform's parameters do not fit the inputs.

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
    outputs: Mapping[str, Table]
    schedule: str | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if not self.inputs or not self.outputs:
            raise ConfigError(f"job {self.name}: a job has inputs and outputs", job=self.name)
        names = list(inspect.signature(self.transform).parameters)
        frames = [name for name in names if name in self.inputs or name not in _SUPPLIED]
        fits = len(frames) == 1 if len(self.inputs) == 1 else set(frames) == set(self.inputs)
        if not fits:
            raise ConfigError(
                f"job {self.name}: the inputs are {', '.join(self.inputs)}, but the transform "
                f"takes {', '.join(names) or 'nothing'}; name its parameters as the inputs",
                job=self.name,
            )

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
        return {name: read.frame for name, read in self.read_inputs(context).items()}

    def read_inputs(self, context: ReadContext) -> dict[str, Read]:
        """Read every input, with the readers' notes."""
        return {name: reader.read(context) for name, reader in self.inputs.items()}

    def apply(
        self, frames: Mapping[str, Any], *, now: dt.datetime, run_id: str
    ) -> dict[str, pl.DataFrame]:
        """Run the transform on frames of the inputs, and give a polars frame for each output.

        Raises
        ------
        ContractError
            The transform does not give the outputs that the job names.
        """
        names = inspect.signature(self.transform).parameters
        supplied: dict[str, Any] = {
            name: value
            for name, value in {"now": now, "run_id": run_id}.items()
            if name in names and name not in self.inputs
        }
        if len(self.inputs) == 1:
            [frame] = frames.values()
            given = self.transform(frame, **supplied)
        else:
            given = self.transform(**frames, **supplied)
        if not isinstance(given, Mapping):
            given = {next(iter(self.outputs)): given}
        if set(given) != set(self.outputs):
            raise ContractError(
                f"job {self.name}: the transform gave {', '.join(map(str, given))}; "
                f"the outputs are {', '.join(self.outputs)}",
                job=self.name,
            )
        return {name: _polars(given[name]) for name in self.outputs}

    def check(self, rows: Mapping[str, pl.DataFrame]) -> dict[str, Checked]:
        """Split each output into the rows that keep its contract and those set aside."""
        from etl.contracts.check import split

        return {name: split(rows[name], table.contract) for name, table in self.outputs.items()}

    def preview(self, *, config: Config | None = None, limit: int = 20) -> dict[str, Checked]:
        """Read a few rows, transform and check them, and write nothing.

        Returns
        -------
        dict
            For each output: ``good`` as it would be loaded, ``rejected`` with reasons.
        """
        frames = self.read(config=config, limit=limit)
        now = dt.datetime.now(dt.UTC)
        return self.check(self.apply(frames, now=now, run_id=f"preview-{uuid.uuid4().hex[:6]}"))


def _polars(frame: Any) -> pl.DataFrame:
    """Bring what a transform returned, of any engine, eager or lazy, to polars."""
    import narwhals as nw
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    native = nw.from_native(frame)
    if isinstance(native, nw.LazyFrame):
        native = native.collect(backend="polars")
    rows: pl.DataFrame = native.to_polars()
    return rows
