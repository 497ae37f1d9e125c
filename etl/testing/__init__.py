"""What the tests of a transform need: frames of a contract, and what must hold on every engine.

=========================  =================================================================
frames                     rows that keep a contract, as a Hypothesis strategy
texts, dates, utc_times    values as people and systems write them
assert_engine_parity       the same values and types on every engine
assert_conserves           quantities add up to the same before and after
ENGINES, hand_over         the engines themselves
=========================  =================================================================

The strategies need Hypothesis: ``pip install 'data-orchestration[testing]'``. Nothing else of the
package imports this.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from etl.errors import ConfigError
from etl.testing._engines import ENGINES, Engine, hand_over
from etl.testing._parity import assert_conserves, assert_engine_parity

if TYPE_CHECKING:
    from etl.testing._frames import frames
    from etl.testing._values import NULL_WORDS, cut, dates, texts, utc_times

__all__ = [
    "ENGINES",
    "NULL_WORDS",
    "Engine",
    "assert_conserves",
    "assert_engine_parity",
    "cut",
    "dates",
    "frames",
    "hand_over",
    "texts",
    "utc_times",
]

_STRATEGIES: Final = {
    "frames": "_frames",
    "NULL_WORDS": "_values",
    "cut": "_values",
    "dates": "_values",
    "texts": "_values",
    "utc_times": "_values",
}


def __getattr__(name: str) -> Any:
    """Import the strategies when they are asked for: whoever compares engines needs no Hypothesis."""
    if name not in _STRATEGIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_STRATEGIES[name]}")
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ConfigError(
            f"etl.testing.{name} needs Hypothesis: pip install 'data-orchestration[testing]'"
        ) from error
    return getattr(module, name)
