"""What the commands of the benchmarks take."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["names_of"]


def names_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """The type of an argument: names that are known, with commas between them.

    >>> names_of(["polars", "duckdb"])("duckdb,polars")
    ['duckdb', 'polars']
    >>> names_of(["polars", "duckdb"])("dukdb")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: no 'dukdb': choose from polars, duckdb
    """
    names = list(dict.fromkeys(known))

    def chosen(text: str) -> list[str]:
        asked = [name for name in text.split(",") if name]
        for name in asked:
            if name not in names:
                raise argparse.ArgumentTypeError(f"no {name!r}: choose from {', '.join(names)}")
        return asked

    return chosen
