"""Find config.yaml, and check all of it."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from etl.config._config import Config, lines, mapping
from etl.config._merge import merge
from etl.config._problems import Problem, all_problems
from etl.config.files import parse_yaml, shown_path, suggestion
from etl.errors import ConfigError

if TYPE_CHECKING:
    from etl.config.files import Document

__all__ = ["find_config", "get_config", "load_config", "reset_config"]


def load_config(path: str | Path | None = None, profile: str | None = None) -> Config:
    """Read and check a configuration file.

    Parameters
    ----------
    path
        The file. Without one: the environment's ``DB_CONFIG_PATH``, else ``config.yaml`` in the
        current directory or the nearest directory above it.
    profile
        The profile to lay over the top level; without one, the environment's ``ETL_PROFILE``.

    Raises
    ------
    ConfigError
        There is no file, no such profile, or there are mistakes: every one of them, a line each.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "config.yaml"
    >>> _ = file.write_text("databases: {orders: {ulr: 'sqlite://', }, hr: {url: sqlite}}")
    >>> load_config(file)
    Traceback (most recent call last):
    etl.errors.ConfigError: databases.orders.ulr: unknown key; did you mean 'url'? (...:1)
    databases.hr.url: not a database URL: ...
    """
    found = find_config(path)
    selected = profile or os.environ.get("ETL_PROFILE") or None
    source = shown_path(found)
    try:
        document = parse_yaml(found.read_text(encoding="utf-8-sig"), source)
    except OSError as error:
        raise ConfigError(f"{found}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{found}: not UTF-8 text: save it as UTF-8") from None
    tree = document.value if document.value is not None else {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{source}: must be a mapping with `databases:` in it")
    base = {key: value for key, value in tree.items() if key != "profiles"}
    profiles = tree.get("profiles") or {}
    if not isinstance(profiles, dict):
        raise ConfigError(f"profiles: must be a mapping of names to overlays ({source})")
    if selected is not None and selected not in profiles:
        raise ConfigError(f"{source}: no profile {selected!r}; {suggestion(selected, profiles)}")
    overlay = mapping(profiles.get(selected)) if selected else {}
    merged = merge(base, overlay, ("profiles", selected or ""))
    config = Config(found, selected, merged, document.lines)
    _raise_problems(config, document, all_problems(base, profiles, selected), source)
    return config


def _raise_problems(
    config: Config, document: Document, problems: list[Problem], source: str
) -> None:
    problems = [Problem(path, path, message) for path, message in document.problems] + problems
    if problems:
        found = lines(problems, document.lines, source)
        raise ConfigError.of([*found, *config.missing_variables()])


def find_config(path: str | Path | None = None) -> Path:
    """Find the configuration file; see :func:`load_config`.

    Raises
    ------
    ConfigError
        There is none; the message says where it was looked for.
    """
    named = path or os.environ.get("DB_CONFIG_PATH")
    if named:
        file = Path(named).expanduser().absolute()
        if not file.is_file():
            by = "" if path else " (from DB_CONFIG_PATH)"
            raise ConfigError(f"no configuration file at {file}{by}")
        return file
    here = Path.cwd()
    for directory in (here, *here.parents):
        if (directory / "config.yaml").is_file():
            return directory / "config.yaml"
    raise ConfigError(
        f"no config.yaml in {here} or in a directory above it; "
        "go to the project's directory, or name the file in DB_CONFIG_PATH"
    )


def get_config() -> Config:
    """Give the configuration of this directory and environment, read once until it changes.

    Raises
    ------
    ConfigError
        As :func:`load_config`.
    """
    path = find_config()
    return _cached(path, path.stat().st_mtime_ns, os.environ.get("ETL_PROFILE"))


def reset_config() -> None:
    """Forget the configuration that :func:`get_config` keeps, for tests and notebooks."""
    _cached.cache_clear()


@lru_cache(maxsize=8)
def _cached(path: Path, changed: int, profile: str | None) -> Config:  # noqa: ARG001 - part of the key
    return load_config(path, profile)
