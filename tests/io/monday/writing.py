"""A board to write to, on a peer: what tests of the writer share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import SecretStr

from etl.config import BoardSettings
from etl.contracts.board_results import BoardResults
from etl.io.monday.board_store import BoardStore
from etl.io.monday.client import MondayClient, RetryPolicy
from etl.io.monday.writer import BoardOptions, write_board
from etl.io.source import silent
from tests.io.monday.conftest import Clock
from tests.monday_server import Imports, MondayServer, add_board

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.io.sink import WriteReport

SUBITEMS = BoardSettings(
    id="202",
    key="size_key",
    sample={"size_key": "text", "size": "text", "order_qty": "numbers", "packed_qty": "numbers"},
)
BOARD = BoardSettings(
    id="201",
    key="order_key",
    columns={"text8": "colour"},
    sample={
        "order_key": "text", "customer": "text", "due_date": "date", "qty": "numbers",
        "state": "status", "tags": "dropdown", "notes": "long_text", "rush": "checkbox",
        "run": "timeline", "text8": "text",
    },
    subitems=SUBITEMS,
)  # fmt: skip
LABELS = {"state": ["Planned", "Done"], "tags": ["knit", "woven"]}


@dataclass
class Place:
    """A peer with a board, and clients to it."""

    server: MondayServer
    store: BoardStore
    imports: Imports
    clock: Clock
    attempts: int = 6
    options: BoardOptions = field(default_factory=lambda: BoardOptions(batch=5, bulk_from=None))

    @contextmanager
    def client(self, **more: Any) -> Iterator[MondayClient]:
        asked: dict[str, Any] = {
            "sleep": self.clock.sleep,
            "clock": self.clock,
            "timeout": 5.0,
            "retry": RetryPolicy(attempts=self.attempts, jitter=0.0),
            **more,
        }
        with MondayClient(self.server.url, SecretStr(str(self.server.token)), **asked) as client:
            yield client

    def write(
        self,
        payloads: pl.DataFrame,
        *,
        subitems: bool = False,
        plan: bool = False,
        client: dict[str, Any] | None = None,
        board: BoardSettings | None = None,
        **options: Any,
    ) -> WriteReport:
        """Write as a new process would, and see that the results keep their contract."""
        with self.client(**(client or {})) as open_client:
            report = write_board(
                open_client,
                board or (SUBITEMS if subitems else BOARD),
                payloads,
                subitems=subitems,
                plan=plan,
                options=replace(self.options, **options),
                progress=silent,
            )
        BoardResults.validate(report.results)
        assert report.results["key"].to_list() == payloads["key"].to_list()
        return report

    def items(self, board: str = "201") -> list[dict[str, Any]]:
        """The active items that the board holds."""
        return self.store.page(board, 0, 100_000)

    def keys(self, board: str = "201") -> list[str]:
        """The keys of the active items, in the order in which they were created."""
        return [self.cell(item, "order_key" if board == "201" else "size_key")["text"] for item in self.items(board)]  # fmt: skip

    def cell(self, item: dict[str, Any], column: str) -> dict[str, Any]:
        [cell] = [cell for cell in item["column_values"] if cell["id"] == column]
        return cell


@contextmanager
def place(path: str = ":memory:", clock: Clock | None = None, **options: Any) -> Iterator[Place]:
    """Start a peer with the board."""
    store = BoardStore(path)
    add_board(store, "schedule", BOARD, labels=LABELS)
    imports = Imports(store)
    try:
        with MondayServer(store=store, imports=imports, **options) as server:
            yield Place(server, store, imports, clock or Clock())
    finally:
        store.close()


def orders(count: int | Sequence[str], **columns: Any) -> pl.DataFrame:
    """Payloads of some keys; ``columns`` are values that all of them have, or a list."""
    keys = [f"PO-{index}" for index in range(count)] if isinstance(count, int) else list(count)
    frame = pl.DataFrame(
        {"key": keys, "item_name": [f"Linen {key}" for key in keys]},
        schema={"key": pl.String, "item_name": pl.String},
    )
    return frame.with_columns(
        **{
            name: pl.Series(value) if isinstance(value, list) else pl.lit(value)
            for name, value in columns.items()
        }
    )


def sizes(results: pl.DataFrame) -> pl.DataFrame:
    """Payloads of two subitems for each item of a write's results."""
    return results.join(pl.DataFrame({"size": ["S", "M"]}), how="cross").select(
        key=pl.col("key") + "/" + pl.col("size"),
        item_name=pl.col("size"),
        parent_item_id=pl.col("item_id"),
        size=pl.col("size"),
        order_qty=pl.lit(5),
    )
