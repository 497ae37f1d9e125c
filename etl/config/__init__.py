"""config.yaml: databases, APIs and profiles, checked as a whole, with secrets by reference only."""

from __future__ import annotations

from etl.config._config import Config
from etl.config._load import find_config, get_config, load_config, reset_config
from etl.config._redact import redact
from etl.config._settings import (
    BoardSettings,
    DatabaseSettings,
    FlowSettings,
    FrameEngine,
    KestraSettings,
    MondaySettings,
    RetrySettings,
    SparkSettings,
)

__all__ = [
    "BoardSettings",
    "Config",
    "DatabaseSettings",
    "FlowSettings",
    "FrameEngine",
    "KestraSettings",
    "MondaySettings",
    "RetrySettings",
    "SparkSettings",
    "find_config",
    "get_config",
    "load_config",
    "redact",
    "reset_config",
]
