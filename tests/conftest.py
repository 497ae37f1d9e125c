"""Settings of all tests: Hypothesis' profiles, and the matrix of dataframe engines."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.engines import ENGINES, Engine
from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Iterator

# No deadlines anywhere: a busy machine is no failure. `ci` tries the same examples on every run,
# so that a red build can be repeated; a laptop goes on looking for new ones.
settings.register_profile("laptop", deadline=None, max_examples=25, derandomize=False)
settings.register_profile(
    "ci", deadline=None, max_examples=50, derandomize=True, database=None, print_blob=True
)
settings.load_profile(
    "laptop" if os.environ.get("CI", "").strip().lower() in {"", "0", "false", "no"} else "ci"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--engines``, to test a transform on some engines only."""
    parser.addoption(
        "--engines",
        default=",".join(ENGINES),
        help=f"dataframe engines to test on, of {', '.join(ENGINES)} (default: all)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes an ``engine`` once for every engine."""
    if "engine" not in metafunc.fixturenames:
        return
    names = [name.strip() for name in metafunc.config.getoption("--engines").split(",")]
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        raise pytest.UsageError(
            f"--engines: there is no {', '.join(unknown)}; choose from {', '.join(ENGINES)}"
        )
    # Parameters and no fixture: Hypothesis runs a test many times for one set-up of its fixtures.
    metafunc.parametrize("engine", [ENGINES[name] for name in names], ids=names)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say what an engine's tests need where it is not installed."""
    engine = _engine(item)
    if engine is not None:
        require(find_spec(engine.package) is not None, f"{engine.package} (uv sync --all-extras)")
    if engine is not None and engine.package == "pyspark":
        java = shutil.which("java") or os.environ.get("JAVA_HOME")
        require(bool(java), "Java for Spark (apt install default-jre-headless)")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Let a property have fewer examples on an engine that takes seconds for each."""
    engine, own = _engine(pyfuncitem), getattr(pyfuncitem.obj, _SETTINGS, None)
    if engine is None or engine.examples is None or own is None:
        return (yield)
    # One function stands for all engines, so its settings are put back at once.
    function = getattr(pyfuncitem.obj, "__func__", pyfuncitem.obj)
    few = min(engine.examples, own.max_examples)
    setattr(function, _SETTINGS, settings(own, max_examples=few))
    try:
        return (yield)
    finally:
        setattr(function, _SETTINGS, own)


_SETTINGS = "_hypothesis_internal_use_settings"


def _engine(item: pytest.Item) -> Engine | None:
    callspec = getattr(item, "callspec", None)
    engine = callspec.params.get("engine") if callspec else None
    return engine if isinstance(engine, Engine) else None
