"""Which test compares a transform on every engine, and which transforms there are.

``pytest -k parity`` runs what is marked here; ``tests/transforms/test_parity.py`` sees to it that no
transform is forgotten.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, Final

import pytest

import etl.transforms
import tests
from etl.jobs import get_job, job_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

__all__ = ["compared", "of_jobs", "of_package", "parity"]

_FRAMES: Final = frozenset({"FrameT", "Any", "dict[str, FrameT]", "dict[str, Any]"})
"""What a transform says that it returns: its caller's kind of frame."""
_BOUNDARY: Final = ("etl.transforms.portable", "etl.transforms.batches")
"""How transforms are run; they have tests of their own."""


def parity(*transforms: Callable[..., Any]) -> pytest.MarkDecorator:
    """Mark the test that runs these transforms on every engine: it takes an ``engine``."""
    return pytest.mark.parity.with_args(*transforms)


def of_jobs() -> set[str]:
    """The transforms that the registered jobs use, for their payloads too."""
    used = set()
    for name in job_names():
        for step in get_job(name).steps:
            functions = (
                [step.transform] if step.call is None else [step.transform, step.call.payloads]
            )
            used |= {each for function in functions for each in _transforms_of(function)}
    return used


def of_package() -> set[str]:
    """The public functions of ``etl.transforms`` that give their caller's kind of frame."""
    found = set()
    for module in _modules(etl.transforms):
        if module.__name__ in _BOUNDARY:
            continue
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isfunction(value) and value.__annotations__.get("return") in _FRAMES:
                found.add(_full_name(value))
    return found


def compared() -> set[str]:
    """The transforms that a test with an ``engine`` is marked with."""
    found = set()
    for module in _modules(tests):
        if module.__name__.rpartition(".")[2].startswith("test_"):
            for value in vars(module).values():
                found |= {_full_name(each) for each in _marked(value)}
    return found


def _marked(test: Any) -> Iterable[Callable[..., Any]]:
    marks = getattr(test, "pytestmark", ())
    if not inspect.isfunction(test) or "engine" not in inspect.signature(test).parameters:
        return ()
    return [each for mark in marks if mark.name == "parity" for each in mark.args]


def _transforms_of(function: Callable[..., Any]) -> Iterator[str]:
    """A job's function, or where the job has one of its own the transforms that this one calls."""
    if function.__module__.startswith(etl.transforms.__name__):
        yield _full_name(function)
        return
    called = inspect.getclosurevars(function)
    for value in (*called.globals.values(), *called.nonlocals.values()):
        if inspect.isfunction(value) and value.__module__.startswith(etl.transforms.__name__):
            yield _full_name(value)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        folder = info.name.removeprefix(f"{tests.__name__}.").partition(".")[0]
        if package is etl.transforms or folder in ("transforms", "jobs"):
            yield importlib.import_module(info.name)


def _full_name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
