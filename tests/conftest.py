"""Settings of all tests: Hypothesis' profiles, and the matrix of dataframe engines."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from xdist.scheduler import LoadScopeScheduling

from etl.testing import ENGINES, Engine
from tests.requires import on_a_laptop, require, require_spark

# No deadlines anywhere, and no complaint of slow examples: a busy machine is no failure. `ci` tries
# the same examples on every run, so that a red build can be repeated; a laptop goes on looking for
# new ones.
ANY_PACE = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("laptop", ANY_PACE, derandomize=False)
settings.register_profile("ci", ANY_PACE, derandomize=True, database=None, print_blob=True)
settings.load_profile("laptop" if on_a_laptop() else "ci")


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark of :mod:`tests.parity`."""
    config.addinivalue_line("markers", "parity(*transforms): compares transforms on every engine")


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


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share the tests out to processes, one a core, where they are more than a few files' worth."""
    few = config.option.keyword or any("::" in arg or arg.endswith(".py") for arg in config.args)
    return 0 if few else os.cpu_count() or 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Say which tests one process runs, one after the other."""
    return _Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes, so that no process is left alone with it at the end."""
    first = {group: at for at, group in enumerate(_LONG)}
    items.sort(key=lambda item: first.get(_group_of(item.nodeid), len(first)))


class _Groups(LoadScopeScheduling):
    """Tests stay together by file, for what a module's fixtures make; some files stay together.

    Those of databases never meet: some look at a whole server. Those of Spark share its session.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(nodeid)


_APART = ("tests/io/monday/", "tests/io/excel/")
_LONG = (
    "spark",
    "databases",
    "tests/test_docs.py",
    "tests/scaffold/test_new.py",
    "tests/transforms/audit/test_audit.py",
    "tests/transforms/test_order_loading.py",
    "tests/test_quality.py",
    "tests/kestra/test_executor.py",
    "tests/jobs/test_order_machine.py",
    "tests/chaos/test_orders.py",
)


def _group_of(nodeid: str) -> str:
    file, _, test = nodeid.partition("::")
    if "pyspark" in test or file == "tests/io/test_spark_source.py":
        return "spark"
    database = file.startswith("tests/io/") and not file.startswith(_APART)
    return "databases" if database else file


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say what an engine's tests need where it is not installed."""
    engine = _engine(item)
    if engine is not None and engine.package == "pyspark":
        require_spark()
    elif engine is not None:
        require(find_spec(engine.package) is not None, f"{engine.package} (uv sync --all-extras)")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Give a slow engine one example of a property, the one with the most in it of some thirty."""
    engine, handle = _engine(pyfuncitem), getattr(pyfuncitem.obj, "hypothesis", None)
    if engine is None or not engine.slow or handle is None:
        return None
    fixtures = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    example = largest(st.fixed_dictionaries(handle._given_kwargs))
    try:
        handle.inner_test(**fixtures, **example)
    except Exception as error:
        error.add_note(f"on {engine.name}, given {example}")
        raise
    return True


def largest(strategy: st.SearchStrategy[Any], examples: int = 30) -> Any:
    """The example with the most rows and values of the first thirty: the same one each time."""
    drawn: list[Any] = []

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(example=strategy)
    def draw(example: Any) -> None:
        drawn.append(example)

    draw()
    return max(drawn, key=_size)


def _size(value: Any) -> int:
    if isinstance(value, pl.DataFrame):
        return value.height * value.width - sum(value.null_count().row(0))
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else int(value is not None)


def _engine(item: pytest.Item) -> Engine | None:
    callspec = getattr(item, "callspec", None)
    engine = callspec.params.get("engine") if callspec else None
    return engine if isinstance(engine, Engine) else None
