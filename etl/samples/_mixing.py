"""Scattered numbers that depend on a seed, a name and a row's number alone: no generator has a state.

The finaliser of splitmix64, in Python for one number and as a polars expression for a column.
Source: https://prng.di.unimi.it/splitmix64.c
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

__all__ = ["Draws", "mix", "picked"]

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_STEP: Final = 0x9E3779B97F4A7C15
_SALT: Final = 0xD1B54A32D192ED03
_ROUNDS: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def mix(number: int, salt: int) -> int:
    """Scatter a number: equal inputs, equal outputs, everywhere.

    >>> mix(1, 0) == mix(1, 0) != mix(2, 0)
    True
    """
    x = (number * _STEP + salt * _SALT) & _MASK
    for shift, factor in _ROUNDS:
        x = ((x ^ (x >> shift)) * factor) & _MASK
    return x ^ (x >> 31)


@dataclass(frozen=True)
class Draws:
    """Draws by name: two names are two columns of dice, and one number always throws the same.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"row": [0, 1, 2]}, schema={"row": pl.UInt64})
    >>> found = rows.select(Draws(7).of(pl.col("row"), "customer"))["row"].to_list()
    >>> found == [Draws(7).one(row, "customer") for row in range(3)]
    True
    """

    seed: int

    def _salt(self, name: str) -> int:
        return mix(zlib.crc32(name.encode()), self.seed)

    def one(self, number: int, name: str) -> int:
        """Draw for one number."""
        return mix(number, self._salt(name))

    def of(self, number: pl.Expr, name: str) -> pl.Expr:
        """Draw for each number of a UInt64 column; what overflows is cut off, as in :func:`mix`."""
        import polars as pl

        def word(value: int) -> pl.Expr:
            return pl.lit(value & _MASK, dtype=pl.UInt64)

        x = number * word(_STEP) + word(self._salt(name) * _SALT)
        for shift, factor in _ROUNDS:
            x = (x ^ (x // word(1 << shift))) * word(factor)
        return x ^ (x // word(1 << 31))

    def below(self, limit: int, number: pl.Expr, name: str) -> pl.Expr:
        """Draw a whole number from 0 to ``limit - 1``."""
        return self.of(number, name) % limit


def picked(values: Sequence[Any], index: pl.Expr) -> pl.Expr:
    """Take the values that stand at these places, counted round and round."""
    import polars as pl

    return pl.lit(pl.Series(list(values))).gather(index % len(values))
