"""The part of config.yaml that flows are rendered from, and where they are deployed to."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)

from etl.config._entry import Entry, Text
from etl.config._references import references, substitute
from etl.config._settings import FlowSettings, KestraSettings, RetrySettings
from etl.config.cron import cron_problem
from etl.config.flow_values import (
    duration_problem,
    duration_seconds,
    label_key_problem,
    namespace_problem,
    secret_name_problem,
    time_zone_problem,
)
from etl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KestraEntry", "KestraJobEntry", "RetryEntry", "flow_settings", "server_settings"]

Runner = Literal["docker", "process"]


def _ruled(problem: Callable[[str], str | None]) -> AfterValidator:
    def check(value: str) -> str:
        found = problem(value)
        if found:
            raise ValueError(found)
        return value

    return AfterValidator(check)


def _address(value: str, info: ValidationInfo) -> str:
    if not (info.context and "${" in value) and not re.fullmatch(r"https?://[^/\s@]+(/\S*)?", value):  # fmt: skip
        raise ValueError("must begin with https:// or http://, name a host, and hold no login")
    return value


def _command(value: str) -> str:
    if references(value):
        raise ValueError("a shell's variable is $NAME here, or $${NAME}: flows hold no values")
    return substitute(value, str)


def _labels(value: dict[str, str]) -> dict[str, str]:
    found = [problem for key in value if (problem := label_key_problem(key))]
    if found:
        raise ValueError("; ".join(found))
    return value


def _label(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Cron = Annotated[str, _ruled(cron_problem)]
Zone = Annotated[str, _ruled(time_zone_problem)]
Length = Annotated[str, _ruled(duration_problem)]
Labels = Annotated[dict[str, Annotated[Text, BeforeValidator(_label)]], AfterValidator(_labels)]
Command = Annotated[Text, AfterValidator(_command)]


class RetryEntry(Entry):
    """How often a failed task is tried, waiting longer each time."""

    attempts: int = Field(3, ge=1, le=20, description="in all, the first one too; 1: no retry")
    interval: Length = Field("PT1M", description="the first wait")
    max_interval: Length = Field("PT15M", description="the longest wait; longer than the first")

    @model_validator(mode="after")
    def _growing(self) -> RetryEntry:
        if (duration_seconds(self.interval) or 0) >= (duration_seconds(self.max_interval) or 0):
            raise ValueError("max_interval must be longer than interval")
        return self


class KestraJobEntry(Entry):
    """What differs for one job's flow."""

    schedule: Cron | None = Field(
        None, description="a cron expression instead of the job's own; null: no schedule"
    )
    timezone: Zone | None = None
    timeout: Length | None = None
    retry: RetryEntry | None = None
    image: Text | None = None
    runner: Runner | None = None
    labels: Labels = Field(default_factory=dict, description="added to those of all flows")
    enabled: bool = Field(True, description="no: the flow is deployed, and does not run")


class KestraEntry(Entry):
    """Kestra: what flows are made of, and where they are deployed to."""

    url: Annotated[Text, AfterValidator(_address)] = Field(
        "http://localhost:8080", description="the server; KESTRA_URL goes before it"
    )
    tenant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = "main"
    namespace: Annotated[str, _ruled(namespace_problem)] = "company.data"
    profile: Text | None = Field(None, description="the profile that flows run with")
    runner: Runner = Field("docker", description="docker, or process: on the worker itself")
    image: Text = Field("python:3.12-slim", description="the Docker image of tasks")
    before_commands: list[Command] = Field(
        default_factory=list, description="shell commands before the package is installed"
    )
    extras: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]] = Field(
        default_factory=list, description="the package's extras besides those of the engines"
    )
    timezone: Zone = Field("Etc/UTC", description="of the schedules")
    timeout: Length = Field("PT1H", description="of one attempt")
    retry: RetryEntry = Field(default_factory=lambda: RetryEntry.model_validate({}))
    labels: Labels = Field(default_factory=dict)
    alert_webhook_secret: Annotated[str, _ruled(secret_name_problem)] | None = Field(
        None, description="the secret in Kestra that holds the webhook's address for failures"
    )
    plugin_types: list[Text] = Field(
        default_factory=list, description="further task and trigger types that flows may use"
    )
    jobs: dict[str, KestraJobEntry] = Field(default_factory=dict, description="job -> what differs")


def flow_settings(entry: KestraEntry, job: str) -> FlowSettings:
    """What a job's flow is made of: the job's own entry over the common one.

    >>> entry = KestraEntry.model_validate({"jobs": {"a": {"timeout": "PT5M", "schedule": None}}})
    >>> settings = flow_settings(entry, "a")
    >>> settings.timeout, settings.schedule, settings.own_schedule
    ('PT5M', None, False)
    """
    own = entry.jobs.get(job) or KestraJobEntry.model_validate({})

    def chosen(name: str) -> Any:
        value = getattr(own, name)
        return getattr(entry, name) if value is None else value

    retry: RetryEntry = chosen("retry")
    return FlowSettings(
        namespace=entry.namespace,
        runner=chosen("runner"),
        image=chosen("image"),
        before_commands=tuple(entry.before_commands),
        extras=tuple(entry.extras),
        schedule=own.schedule,
        own_schedule="schedule" not in own.model_fields_set,
        timezone=chosen("timezone"),
        timeout=chosen("timeout"),
        retry=RetrySettings(
            attempts=retry.attempts, interval=retry.interval, max_interval=retry.max_interval
        ),
        labels={**entry.labels, **own.labels},
        alert_webhook_secret=entry.alert_webhook_secret,
        enabled=own.enabled,
    )


def server_settings(entry: KestraEntry) -> KestraSettings:
    """How the server is reached; the login is the environment's.

    Raises
    ------
    ConfigError
        Half a login is set.
    """
    token = os.environ.get("KESTRA_API_TOKEN")
    username, password = os.environ.get("KESTRA_USERNAME"), os.environ.get("KESTRA_PASSWORD")
    url, tenant = entry.url.rstrip("/"), entry.tenant
    if token:
        return KestraSettings(url=url, tenant=tenant, token=SecretStr(token))
    if username and password:
        secret = SecretStr(password)
        return KestraSettings(url=url, tenant=tenant, username=username, password=secret)
    if username or password:
        lacking = "KESTRA_PASSWORD" if username else "KESTRA_USERNAME"
        raise ConfigError(f"{lacking} is not set: a login to Kestra is both, or KESTRA_API_TOKEN")
    return KestraSettings(url=url, tenant=tenant)
