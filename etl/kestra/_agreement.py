"""Whether a flow fits config.yaml: its profile is one, and what the job needs is in the environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from etl.config import load_config
from etl.errors import ConfigError
from etl.kestra._tasks import jobs_run
from etl.kestra.needs import job_needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.config import Config

__all__ = ["agreement_problems"]

Path = tuple[str, ...]


def agreement_problems(
    tasks: Sequence[tuple[Path, dict[str, Any]]], config: Config
) -> Iterator[tuple[Path, str]]:
    """What the tasks that run jobs lack, by the configuration's file with the task's own profile."""
    for path, task in tasks:
        jobs = jobs_run(task)
        given = task.get("env")
        env: dict[str, Any] = given if isinstance(given, dict) else {}
        profile = env.get("ETL_PROFILE")
        if not jobs or (isinstance(profile, str) and "{{" in profile):
            continue
        try:
            chosen = load_config(config.path, profile=None if profile is None else str(profile))
        except ConfigError as error:
            yield (*path, "env", "ETL_PROFILE"), _profile_problem(str(error))
            continue
        if chosen.profile != profile:
            continue  # the environment of this machine names another one; it says nothing here
        for job in jobs:
            yield from _lacking(job, (*path, "env"), env, chosen)


def _lacking(job: str, at: Path, env: dict[str, Any], config: Config) -> Iterator[tuple[Path, str]]:
    from etl.jobs import get_job, job_names

    if job not in job_names():
        return  # told already
    needs = job_needs(get_job(job))
    try:
        variables = config.variables(needs.databases, monday=needs.monday)
    except ConfigError as error:
        yield at, f"{job}: {error}"
        return
    for name in variables:
        if name not in env:
            yield at, f"{name} is missing: what {job} reaches for is configured with it; write {name}: \"{{{{ secret('{name}') }}}}\""  # fmt: skip


def _profile_problem(told: str) -> str:
    return re.sub(r"^\S+: no profile", "config.yaml has no profile", told.splitlines()[0])
