"""A process that writes orders and their sizes to a board, so that a test can kill it."""

from __future__ import annotations

import sys

import polars as pl
from pydantic import SecretStr

from etl.io.monday.client import MondayClient, RetryPolicy
from etl.io.monday.writer import BoardOptions, write_board
from etl.io.source import silent
from tests.io.monday.writing import BOARD, SUBITEMS, orders, sizes


def main(url: str, token: str) -> None:
    """Write all orders, then a subitem for each of their sizes."""
    retry = RetryPolicy(first_wait=0.01, jitter=0.0)
    options = BoardOptions(batch=5, bulk_from=None)
    with MondayClient(url, SecretStr(token), retry=retry) as client:
        items = write_board(
            client, BOARD, orders(23, group="Spring", qty=7), progress=silent, options=options
        )
        below = write_board(
            client,
            SUBITEMS,
            sizes(items.results.filter(pl.col("item_id").is_not_null())),
            progress=silent,
            subitems=True,
            options=options,
        )
    failed = sum(report.results.filter(status="failed").height for report in (items, below))
    sys.stdout.write(f"{failed} failed\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
