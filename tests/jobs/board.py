"""A target of payloads that keeps them in a dict: what a writer must be to a run, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.contracts.board_results import BoardResults
from etl.io.sink import WriteReport

if TYPE_CHECKING:
    from etl.errors import EtlError
    from etl.io.sink import WriteContext


@dataclass
class DictBoard:
    """Creates what it does not hold; ``refused`` keys fail, and ``fatal_after`` many end it all."""

    items: dict[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    fatal: EtlError | None = None
    fatal_after: int = 0
    writes: list[list[str]] = field(default_factory=list)

    def write(self, payloads: pl.DataFrame, context: WriteContext) -> WriteReport:
        assert context.run_id
        keys = payloads["key"].to_list()
        self.writes.append(keys)
        return self._report(keys, done=self.items)

    def plan(self, payloads: pl.DataFrame, context: WriteContext) -> WriteReport:
        return self._report(payloads["key"].to_list(), done=dict(self.items), planned=True)

    def _report(
        self, keys: list[str], done: dict[str, int], *, planned: bool = False
    ) -> WriteReport:
        rows: list[dict[str, Any]] = []
        for at, key in enumerate(keys):
            row = {"key": key, "attempts": 1}
            if self.fatal is not None and at >= self.fatal_after:
                row |= {"status": "skipped", "attempts": 0}
            elif key in self.refused:
                row |= {"status": "failed", "error_type": "rejected", "message": f"no {key!r} here"}
            else:
                action = "unchanged" if key in done else "created"
                row |= {"status": "done", "action": action}
                if planned and action == "created":
                    row["status"] = "skipped"
                else:
                    row["item_id"] = done.setdefault(key, len(done) + 1)
            rows.append(row)
        results = pl.DataFrame(rows, schema=BoardResults.create_empty().schema)
        BoardResults.validate(results)
        return WriteReport(results=results, notes=("told by the board",), fatal=self.fatal)

    def describe(self) -> str:
        return "a dict"
