"""What can be known before anything is deployed: jobs, contracts, flows, and the wheel itself.

Nothing is connected to but what the wheel's trial run reads, and no variable of a profile is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from etl.config import DatabaseSettings, load_config
from etl.errors import ConfigError, EtlError
from etl.io.databases import open_database
from etl.io.names import parse_table_name
from etl.io.new_tables import create_statement
from etl.jobs import get_job, job_names
from etl.kestra.check import check_flows, find_flows
from etl.kestra.connections import connections
from etl.kestra.files import generated_flows, stale_flows
from etl.kestra.line import read_result
from etl.kestra.wheel import build_wheel
from etl.runner import CheckItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.config import Config
    from etl.io.databases.base import Database
    from etl.jobs.base import Table
    from etl.kestra.wheel import Wheel

__all__ = ["check_build"]

_TRIAL: Final = "board-planning"
# What a process needs of the machine, whatever the flow: Windows does not start without its own.
_MACHINE: Final = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "SSL_CERT_FILE", "UV_CACHE_DIR", "PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")  # fmt: skip
_INSTALL_SECONDS: Final = 900


def check_build(config: Config, root: Path) -> Iterator[CheckItem]:
    """Check what a deployment would be made of, one thing after another.

    Parameters
    ----------
    config
        The configuration, as a laptop has it; flows are compared under the profile that they run
        with.
    root
        The project's source tree.
    """
    flows = _for_flows(config)
    for name in job_names():
        item = _item(f"{name}: imports", lambda name=name: _imported(name))  # type: ignore[misc]
        yield item
        if item.ok:
            for profile in {one.profile: one for one in (config, flows)}.values():
                yield from _contracts(name, profile)
    yield _item("connections outside etl/io", lambda: _connections(root))
    yield _item("flows", lambda: _flows(root, flows))
    built: list[Wheel] = []
    yield _item("wheel", lambda: _wheel(built, root, flows))
    if built:
        yield _item("wheel in an empty environment", lambda: _trial(built[0], config))


def _item(what: str, look: Callable[[], str]) -> CheckItem:
    try:
        return CheckItem(what=what, ok=True, detail=look())
    except EtlError as error:
        return CheckItem(what=what, ok=False, detail=str(error))
    except Exception as error:  # noqa: BLE001 - somebody's job may raise anything on import
        return CheckItem(what=what, ok=False, detail=f"{type(error).__name__}: {error}")


def _for_flows(config: Config) -> Config:
    profile = config.flows_profile
    if profile is None or profile == config.profile:
        return config
    return load_config(config.path, profile=profile)


def _imported(name: str) -> str:
    steps = get_job(name).steps
    return "1 step" if len(steps) == 1 else f"{len(steps)} steps"


def _contracts(job: str, config: Config) -> Iterator[CheckItem]:
    """An item for each table whose statement can't be made; one for all that can."""
    tables: dict[str, Table] = {}
    for step in get_job(job).steps:
        tables |= {table.table: table for table in step.tables.values()}
    done: list[str] = []
    what = f"{job}: contracts"
    for table in tables.values():
        item = _item(what, lambda table=table: _compiled(config, table))  # type: ignore[misc]
        if item.ok:
            done.append(item.detail)
        else:
            yield item
    if done:
        profile = f" ({config.profile})" if config.profile else ""
        yield CheckItem(what=f"{what}{profile}", ok=True, detail="; ".join(done))


def _compiled(config: Config, table: Table) -> str:
    import sqlglot

    if table.database not in config.databases:
        raise ConfigError(f"{table.table}: config.yaml has no database {table.database!r}")
    engine = config.engine(table.database)
    if engine is None:
        return f"{table.table}: the URL is a variable, so its engine is not known"
    database = _unconnected(table.database, engine)
    sql = create_statement(database, parse_table_name(table.table), table.contract)
    try:
        sqlglot.parse_one(sql, read=database.sqlglot_dialect)
    except sqlglot.errors.SqlglotError as error:
        raise EtlError(f"{table.table}: no statement for {database.title}: {error}") from error
    return f"{table.table} on {database.title}"


def _unconnected(name: str, engine: Any) -> Database:
    """A database to make statements for: it is never connected to."""
    place = ":memory:" if engine in ("sqlite", "duckdb") else name
    return open_database(DatabaseSettings(name=name, engine=engine, database=place))


def _connections(root: Path) -> str:
    found = connections(root / "etl")
    if found:
        raise EtlError(
            "only etl/io may open connections (read through etl.io.db_helper): " + "; ".join(found)
        )
    return "none"


def _flows(root: Path, config: Config) -> str:
    folder = root / "flows"
    flows = generated_flows(config)
    if stale_flows(folder, flows, complete=True):
        raise EtlError("not what the jobs and config.yaml give: run `etl flows render`")
    sources = find_flows([folder])
    findings = check_flows(sources, config=config)
    if findings:
        raise EtlError("; ".join(map(str, findings)))
    return f"{len(sources)} flows are what the jobs and config.yaml give"


def _rules(root: Path) -> list[str]:
    """The files of config/, which stand beside config.yaml here and in the wheel there."""
    folder = root / "config"
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*.yaml"))


def _is_data(file: Path) -> bool:
    hidden = any(part.startswith((".", "__pycache__")) for part in file.parts[-2:])
    return file.is_file() and file.suffix != ".py" and not hidden


def _wheel(built: list[Wheel], root: Path, config: Config) -> str:
    """Build the wheel and look into it for all that the flows need of it."""
    wheel = build_wheel(root)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / wheel.name
        file.write_bytes(wheel.content)
        with zipfile.ZipFile(file) as content:
            names = set(content.namelist())
            [about] = [name for name in names if name.endswith(".dist-info/METADATA")]
            metadata = content.read(about).decode()
    jobs = [f"etl/jobs/{name.replace('-', '_')}.py" for name in job_names()]
    rules = [f"etl/built_in_config/{file}" for file in _rules(root)]
    # Templates, and the catalogue's page: what is no module is easily left out.
    data = [f.relative_to(root).as_posix() for f in (root / "etl").rglob("*") if _is_data(f)]
    wanted = ["etl/__main__.py", *sorted(data), *jobs, *rules]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise EtlError(f"{wheel.name} lacks {', '.join(missing)}")
    extras = {line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Provides-Extra: ")}  # fmt: skip
    asked = {extra for text in generated_flows(config).values() for extra in _extras(text)}
    if not asked <= extras:
        raise EtlError(f"the flows install extras that it has not: {', '.join(asked - extras)}")
    built.append(wheel)
    return f"{wheel.name}, {len(wheel.content) // 1024} KB, {len(names)} files"


def _extras(flow: str) -> set[str]:
    """The extras that a flow installs the wheel with."""
    return {
        extra
        for part in flow.split(".whl[")[1:]
        for extra in part.partition("]")[0].split(",")
        if extra
    }


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="etl-build-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def _trial(wheel: Wheel, config: Config) -> str:
    """Install the wheel where nothing else is, and run a job with the flow's files alone."""
    if _TRIAL not in job_names():
        raise ConfigError(f"there is no job {_TRIAL} to try it with")
    with _directory() as place:
        (place / "dist").mkdir()
        (place / "dist" / wheel.name).write_bytes(wheel.content)
        shutil.copyfile(config.path, place / "config.yaml")
        environment = {name: os.environ[name] for name in _MACHINE if name in os.environ}
        environment |= {"HOME": str(place), "USERPROFILE": str(place)}
        cache = Path.home() / ".cache" / "uv"  # what has been downloaded once is not again
        if "UV_CACHE_DIR" not in environment and cache.is_dir():
            environment["UV_CACHE_DIR"] = str(cache)
        python = _installed(place, wheel, environment)
        harmless = all(config.engine(name) in ("sqlite", "duckdb") and _stays_here(config, name) for name in config.databases)  # fmt: skip
        options = [] if harmless else ["--dry-run"]  # this is no time to load a server's tables
        done = _run(
            [str(python), "-m", "etl", "run", _TRIAL, *options],
            place,
            {**environment, "ETL_ORCHESTRATOR": "kestra", "ETL_RUN_ID": "check-build"},
        )
        told = read_result(done)
        if told.get("status") != "done" or (harmless and not told.get("rows_written")):
            raise EtlError(f"{_TRIAL} ran and told {told}")
        rows = told["rows_written"] if harmless else told["rows_read"]
        return f"{_TRIAL}: {rows} rows {'written' if harmless else 'read in a dry run'}"


def _stays_here(config: Config, name: str) -> bool:
    """Whether a database is a file in the folder of config.yaml, and so a new one in another."""
    at = Path(config.database(name).database)
    return at.is_relative_to(config.path.parent)


def _installed(place: Path, wheel: Wheel, environment: dict[str, str]) -> Path:
    folder = place / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    file = f"dist/{wheel.name}"
    uv = shutil.which("uv")
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], place, environment)
        _run([uv, "pip", "install", "--quiet", "--python", str(python), file], place, environment)
    else:
        _run([sys.executable, "-m", "venv", str(folder)], place, environment)
        _run([str(python), "-m", "pip", "install", "--quiet", file], place, environment)
    return python


def _run(command: list[str], place: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        command,
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise EtlError(f"`{' '.join(command[1:4])}` ended with {done.returncode}: {said}")
    return done.stdout
