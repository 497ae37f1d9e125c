"""What the commands print: tables that fit 80 columns, and one JSON object for machines."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    import polars as pl

    from etl.io.sweeping import StagingTable
    from etl.jobs import JobInfo
    from etl.kestra.snapshots import Snapshot
    from etl.kestra.state import Change
    from etl.migration import Finding
    from etl.runner import CallResult, CheckItem, OutputResult, Reason, Replayed, RunResult

__all__ = ["changes", "checks", "columns", "deployments", "discarded", "files", "findings", "job_list", "json_line", "line", "past_runs", "quarantined", "reasons", "replayed", "run_result", "staging_tables"]  # fmt: skip

_REASONS = 10
_ACROSS = 3
_LONG = 300


def changes(planned: Iterable[Change]) -> None:
    """Print what a deployment or a rollback changes, in its order."""
    rows = [
        (change.what, change.item.kind, change.item.namespace, change.item.name)
        for change in planned
        if change.item.kind != "folder"
    ]
    _print(_table(("change", "what", "namespace", "name"), rows))


def deployments(kept: Iterable[Snapshot]) -> None:
    """Print the deployments that are kept, the oldest first."""
    rows = [(item.name, item.status, len(item.records), item.server) for item in kept]
    _print(_table(("deployment (UTC)", "status", "items", "server"), rows, right=(2,)))


def files(written: Iterable[tuple[object, str]]) -> None:
    """Print files and what became of them."""
    _print(_table(("file", "what became of it"), written))


def json_line(values: dict[str, Any]) -> None:
    """Print one JSON object on one line, the last of stdout."""
    line(json.dumps(values, default=str))


def line(text: str) -> None:
    """Print a line as it is, for machines, at once."""
    _write(f"{text}\n")


def _print(*lines: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    # Captured and written by ourselves: rich ends the process when the reader of a pipe has gone.
    with console.capture() as captured:
        for line in lines:
            console.print(line)
    _write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def _write(text: str) -> None:
    """Write to stdout; that nobody reads any more (``| head``) is no failure of the command."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _table(
    titles: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()
) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for at, title in enumerate(titles):
        table.add_column(title, justify="right" if at in right else "left", overflow="fold")
    for row in rows:
        # Text, not str: a value with [brackets] is no markup.
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return table


def job_list(jobs: Iterable[JobInfo]) -> None:
    """Print the jobs."""
    rows = [(job.name, job.schedule or "", job.description) for job in jobs]
    _print(_table(("job", "schedule", "what it does"), rows))


def run_result(result: RunResult) -> None:
    """Print what a run did, or what a dry run found."""
    seconds = f"{result.seconds:.1f} s"
    if result.status == "done":
        _print(f"{result.job}: {_count(result.rows_read)} read, {seconds}, run {result.run_id}")
    for output in result.outputs:
        _print(*_output(output, dry_run=result.dry_run))
    for call in result.calls:
        _print(*_call(call, dry_run=result.dry_run))
    for path in result.files:
        _print(f"  made {path}")
    for note in result.notes:
        _print(f"  note: {note}")
    if result.reasons:
        reasons(result.reasons)
    if result.dry_run and result.status == "done":
        _print("dry run: nothing was written")


def _call(call: CallResult, *, dry_run: bool) -> list[str]:
    words = ("create", "update") if dry_run else ("created", "updated")
    to = "to " if dry_run else ""
    counts = (call.created, call.updated)
    told = [f"{count} {to}{word}" for count, word in zip(counts, words, strict=True)]
    told.append(f"{call.unchanged} unchanged")
    told += [
        f"{count} {word}"
        for count, word in ((call.failed, "failed"), (call.skipped, "not sent"))
        if count
    ]
    lines = [f"  {call.target}: {', '.join(told)}"]
    lines += [f"    {reason.rows} failed: {reason.reason}" for reason in call.reasons[:_REASONS]]
    return lines


def _output(output: OutputResult, *, dry_run: bool) -> list[str]:
    where = f"{output.table} in {output.database} ({output.mode})"
    changes = output.changes
    to = "to " if dry_run else ""
    words = ("insert", "update", "delete") if dry_run else ("inserted", "updated", "deleted")
    counts = [changes.inserted, changes.updated, changes.deleted]
    told = [f"{count} {to}{word}" for count, word in zip(counts, words, strict=True)]
    told.append(f"{changes.unchanged} unchanged")
    if output.rows_quarantined:
        told.append(f"{output.rows_quarantined} set aside")
    lines = [f"  {where}: {', '.join(told)}"]
    if output.rows_quarantined and not dry_run:
        lines.append("  rows set aside are in etl_quarantine")
    plan = output.plan
    if plan is not None and plan.created:
        lines.append("  the table would be created")
    if plan is not None and plan.missing_columns:
        lines.append(f"  the table lacks the columns {', '.join(plan.missing_columns)}")
    if plan is not None and plan.other_columns:
        lines.append(f"  columns that no contract fills: {', '.join(plan.other_columns)}")
    return lines


def reasons(grouped: Sequence[Reason]) -> None:
    """Print why rows were set aside."""
    rows = [(reason.rows, reason.reason) for reason in grouped[:_REASONS]]
    _print("", _table(("rows", "set aside because, for example"), rows, right=(0,)))
    if len(grouped) > _REASONS:
        _print(f"... and {len(grouped) - _REASONS} more reasons")


def columns(name: str, frame: pl.DataFrame) -> None:
    """Print a frame's first rows, a line for each column: boards are wide."""
    shown = frame.head(_ACROSS)
    rows = [
        (
            column,
            type(shown.schema[column]).__name__,
            *(_cell(value) for value in shown[column].to_list()),
        )
        for column in shown.columns
    ]
    titles = ("column", "type", *(f"row {at + 1}" for at in range(shown.height)))
    _print(f"{name}: {_count(frame.height)}, {frame.width} columns", _table(titles, rows))


def _cell(value: object) -> str:
    # Times are in UTC; the suffix would say so in every cell.
    text = "" if value is None else str(value).replace("\n", " ").removesuffix("+00:00")
    return text if len(text) <= 40 else f"{text[:39]}…"


def quarantined(rows: pl.DataFrame, *, limit: int) -> None:
    """Print the rows set aside: how many for each reason, and the latest of them."""
    if rows.is_empty():
        _print("no rows are set aside")
        return
    from etl.runner import group_reasons

    told: list[tuple[Any, ...]] = []
    for (job, table), part in rows.group_by("job", "table_name", maintain_order=True):
        told += [(r.rows, job, table, r.reason) for r in group_reasons(part["reason"])]
    titles = ("rows", "job", "table", "set aside because, for example")
    _print(_table(titles, told, right=(0,)))
    _print("", f"the latest {min(limit, rows.height)} of {_count(rows.height)}:")
    for row in rows.head(limit).iter_rows(named=True):
        times = f", {row['times']} times" if row["times"] > 1 else ""
        _print(f"  {row['table_name']}, run {row['run_id']}{times}: {row['reason']}")
        _print(f"    {row['row'] if len(row['row']) <= _LONG else row['row'][:_LONG] + '…'}")
    _print("--replay loads the rows that keep their contract by now; --discard lets them go")


def replayed(results: Sequence[Replayed]) -> None:
    """Print what became of rows that were set aside."""
    for one in results:
        told = [f"{_count(one.loaded)} loaded", f"{one.aside} still set aside"]
        if one.superseded:
            told.append(f"{one.superseded} let go (the table has their key)")
        if one.from_the_source:
            told.append(f"{one.from_the_source} that only a run can take up again")
        _print(f"{one.table} in {one.database}: {', '.join(told)}")
    if not results:
        _print("no rows are set aside")


def discarded(rows: int) -> None:
    """Print how many rows were let go."""
    _print(f"{_count(rows)} let go" if rows else "no rows are set aside")


def past_runs(runs: pl.DataFrame) -> None:
    """Print the run history, errors below it."""
    rows = []
    errors = []
    for run in runs.iter_rows(named=True):
        finished = run["finished_at"]
        seconds = f"{(finished - run['started_at']).total_seconds():.1f}" if finished else ""
        counts = [run["rows_read"], run["rows_written"], run["rows_quarantined"]]
        started = f"{run['started_at']:%Y-%m-%d %H:%M:%S}"
        rows.append((started, run["job"], run["status"], *counts, seconds))
        if run["error"]:
            errors.append(f"{started} {run['job']}: {run['error']}")
    if not rows:
        _print("no runs yet")
        return
    titles = ("started (UTC)", "job", "status", "read", "written", "aside", "s")
    _print(_table(titles, rows, right=(3, 4, 5, 6)), *errors)


def checks(items: Iterable[CheckItem]) -> None:
    """Print ticks and crosses."""
    marks = {True: "✓", False: "✗", None: "!"}
    if not _takes("✓✗"):
        marks = {True: "ok", False: "FAIL", None: "!"}
    rows = [(marks[item.ok], item.what, item.detail) for item in items]
    _print(_table(("", "checked", "found"), rows))


def findings(found: Sequence[Finding]) -> None:
    """Print what must go from scripts: a line each, as compilers do, and a count."""
    for finding in found:
        where = f"{finding.path}:{finding.line}:{finding.column}"
        _write(f"{where}: {finding.rule}: {finding.message}\n")
    files = len({finding.path for finding in found})
    what = "finding" if len(found) == 1 else "findings"
    told = f"{len(found)} {what} in {files} file{'' if files == 1 else 's'}"
    told = told if found else "nothing must go"
    _write(f"{told}\n")


def staging_tables(found: Iterable[tuple[str, StagingTable]]) -> None:
    """Print staging tables, by the name of their database, and what became of them."""
    rows = [
        (database, table.table, "" if table.age is None else _age(table.age), table.outcome)
        for database, table in found
    ]
    if not rows:
        _print("no staging tables are left behind")
        return
    _print(_table(("database", "table", "age", "what became of it"), rows, right=(2,)))


def _age(age: dt.timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _takes(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows".replace(",", " ")
