"""config.yaml's ``engine`` and ``spark``: what transforms run on, and where Spark is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, Field

from etl.config._entry import Entry, Text

if TYPE_CHECKING:
    from etl.config.files import KeyPath

__all__ = ["SparkEntry", "secrets_of_spark"]

_TOKEN: Final = re.compile(r"[;/]token=([^;]*)")
_SECRET: Final = re.compile(r"secret|password|token|credential", re.IGNORECASE)


def _setting(value: Any) -> Any:
    """Spark's settings are texts; YAML's own true, false and numbers are meant as such."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


class SparkEntry(Entry):
    """Where Spark is, for runs with ``--engine spark``."""

    master: Text | None = Field(
        None, description="local[*] (default), spark://host:7077, yarn or k8s://https://host:443"
    )
    remote: Text | None = Field(
        None, description="sc://host:15002 of a Spark Connect server; SPARK_REMOTE goes before it"
    )
    config: dict[str, Annotated[Text, BeforeValidator(_setting)]] = Field(
        default_factory=dict,
        description="Spark's own settings by their names, for a session that is started here",
    )


def secrets_of_spark(at: KeyPath, text: str) -> set[str]:
    """The secrets that one of ``spark``'s values holds: a token in an address, a secret setting.

    >>> secrets_of_spark(("spark", "remote"), "sc://host/;user_id=me;token=abc")
    {'abc'}
    >>> secrets_of_spark(("spark", "config", "spark.hadoop.fs.s3a.secret.key"), "xyz")
    {'xyz'}
    """
    if at[-1] == "remote":
        return set(_TOKEN.findall(text))
    return {text} if len(at) > 2 and _SECRET.search(at[-1]) else set()
