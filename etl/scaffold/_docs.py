"""The jobs in docs/jobs.md: the table of all, and a section for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.jobs import JobInfo

__all__ = ["jobs_table", "with_job"]

_TABLE = re.compile(r"(<!-- generated: jobs -->\n).*?(<!-- end -->)", re.DOTALL)
_BEFORE = "## A new job\n"


def jobs_table(jobs: Iterable[JobInfo]) -> str:
    """The table of jobs in Markdown.

    >>> from etl.jobs import JobInfo
    >>> print(jobs_table([JobInfo(name="a", description="Loads it.", schedule="0 4 * * *")]))
    | job | schedule | what it does |
    |---|---|---|
    | `a` | `0 4 * * *` | Loads it. |
    <BLANKLINE>
    """
    lines = ["| job | schedule | what it does |", "|---|---|---|"]
    for job in jobs:
        schedule = f"`{job.schedule}`" if job.schedule else ""
        described = job.description.replace("|", "\\|")
        lines.append(f"| `{job.name}` | {schedule} | {described} |")
    return "\n".join(lines) + "\n"


def with_job(text: str, jobs: Iterable[JobInfo], section: str) -> str:
    """The document with the table of all jobs, and one more section.

    Raises
    ------
    ConfigError
        The document has no place for them.
    """
    if not _TABLE.search(text) or _BEFORE not in text:
        raise ConfigError(
            "docs/jobs.md has no `<!-- generated: jobs -->` table, or no section "
            f"{_BEFORE.strip()!r} to put a job before: bring them back"
        )
    table = jobs_table(jobs)
    text = _TABLE.sub(lambda found: found[1] + table + found[2], text)
    return text.replace(_BEFORE, section + _BEFORE, 1)
