"""A job made of frames, for tests of whatever runs jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl

from etl.io.source import Read
from etl.jobs.base import Job, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.io.source import ReadContext


class Items(dy.Schema):
    """A small table with a key, a length and a null."""

    id = dy.Int64(primary_key=True)
    name = dy.String(nullable=True, max_length=5)


@dataclass
class FrameReader:
    """A source that holds its rows, or fails as one would."""

    frame: pl.DataFrame
    notes: tuple[str, ...] = ()
    error: BaseException | None = None
    contexts: list[ReadContext] = field(default_factory=list)

    def read(self, context: ReadContext) -> Read:
        self.contexts.append(context)
        if self.error is not None:
            raise self.error
        frame = self.frame if context.limit is None else self.frame.head(context.limit)
        return Read(frame=frame, notes=self.notes)

    def describe(self) -> str:
        return "a frame"


def rows(*pairs: tuple[int, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(pairs), schema={"id": pl.Int64, "name": pl.String}, orient="row")


def frame_job(
    reader: FrameReader | pl.DataFrame,
    table: str,
    *,
    name: str = "frames",
    transform: Callable[..., Any] = lambda items: items,
    mode: Any = "replace",
) -> Job:
    if isinstance(reader, pl.DataFrame):
        reader = FrameReader(reader)
    output = Table("test", table, contract=Items, mode=mode)
    return Job(name=name, inputs={"items": reader}, transform=transform, outputs={"items": output})
