"""Rendered flows as Kestra's Process runner runs them, with their files and environment alone."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from etl.config import load_config
from etl.jobs import get_job, job_names
from etl.kestra import render
from etl.kestra.wheel import Wheel, build_wheel
from tests.kestra_task import understood

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.config import Config
    from tests.kestra_task import Told

ROOT = Path(__file__).parents[2]


class Worker:
    """A Kestra worker: a machine with Python, packages that its owner installed, and a shell.

    The packages are those of these tests but for our own, where Python looks for a user's: the
    flow's virtual environment sees them, and its ``pip`` installs nothing but the wheel.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = home / ".local" / "lib" / version / "site-packages"
        packages.mkdir(parents=True)
        for path in map(Path, site.getsitepackages()):
            for entry in path.iterdir():
                if not entry.name.lower().startswith(("data_orchestration", "_data_orchestration", "__editable__", "_virtualenv", "distutils-precedence")):  # fmt: skip
                    (packages / entry.name).symlink_to(entry)

    def environment(self, task: dict[str, Any]) -> dict[str, str]:
        """What the task gets: its own, and no more of the machine than a shell needs."""
        paths = [str(Path(sys.base_prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
        machine = {"HOME": str(self.home), "PATH": os.pathsep.join(paths)}
        values = {name: str(value) for name, value in task["env"].items()}
        return {**machine, **{name: rendered(value) for name, value in values.items()}}

    def shell(
        self, commands: list[str], task: dict[str, Any], place: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run commands as one script that ends at the first that fails."""
        return subprocess.run(
            ["/bin/sh", "-c", "\n".join(["set -e", *map(rendered, commands)])],
            cwd=place,
            env=self.environment(task),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )


def rendered(text: str) -> str:
    """A text with Kestra's expressions put in."""
    text = text.replace("{{ execution.id }}", "4Wc8rExecution")
    assert "{{" not in text, f"an expression that this worker has no value for: {text}"
    return text


def task_of(flow: str) -> dict[str, Any]:
    [task] = yaml.safe_load(flow)["tasks"]
    assert task["taskRunner"]["type"] == "io.kestra.plugin.core.runner.Process"
    found: dict[str, Any] = task
    return found


class Deployed:
    """The namespace files that flows include, and nothing else, in a task's working directory."""

    def __init__(self, place: Path, wheel: Wheel, config: Config, worker: Worker) -> None:
        self.place, self.config, self.worker, self.wheel = place, config, worker, wheel
        self.files = {f"/dist/{wheel.name}": wheel.content, "/config.yaml": config.path.read_bytes()}  # fmt: skip
        self.installed: list[str] | None = None

    def task(self, job: str) -> dict[str, Any]:
        return task_of(self.wheel.put_into(render(job, self.config)))

    def provide(self, task: dict[str, Any]) -> None:
        """Put the files that the task includes into its working directory, and install."""
        wanted = task["namespaceFiles"]["include"]
        assert set(wanted) <= set(self.files), "a flow names a file that is not deployed"
        for name in wanted:
            file = self.place / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.files[name])
        if self.installed != task["beforeCommands"]:
            done = self.worker.shell(task["beforeCommands"], task, self.place)
            assert done.returncode == 0, done.stdout + done.stderr
            self.installed = task["beforeCommands"]

    def run(self, job: str) -> tuple[int, Told, str]:
        """Run a job's flow; gives the exit code, what Kestra understood, and stderr."""
        task = self.task(job)
        self.provide(task)
        done = self.worker.shell(task["commands"], task, self.place)
        return done.returncode, understood(done.stdout), done.stderr

    def also(self, *arguments: str) -> None:
        """Run another command of the installed wheel beforehand."""
        task = self.task("board-planning")
        self.provide(task)
        done = self.worker.shell([f".venv/bin/python -m etl {' '.join(arguments)}"], task, self.place)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The wheel and a laptop's configuration, on a worker with the Process runner."""
    home = tmp_path_factory.mktemp("worker")
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    text = text.replace("kestra:\n", "kestra:\n  runner: process\n", 1)
    text = text.replace("sample: true", "sample: true\n    sample_rows: 120", 1)
    text = text.replace("  profile: prod", "  # no profile: a laptop's databases", 1)
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    wheel = build_wheel(ROOT)
    place = tmp_path_factory.mktemp("task")
    yield Deployed(place, wheel, load_config(folder / "config.yaml"), Worker(home))
    shutil.rmtree(place, ignore_errors=True)


def test_board_planning_runs_where_only_the_flows_files_are(deployed: Deployed) -> None:
    assert list(deployed.place.iterdir()) == []
    code, told, stderr = deployed.run("board-planning")
    assert (code, told.lines, told.plain, stderr) == (0, 1, [], "")
    assert told.outputs["run_id"] == "4Wc8rExecution"
    assert told.outputs["rows_written"] == told.metrics["rows_written"] == 120
    assert (deployed.place / "data" / "orders.db").exists()
    source = deployed.worker.shell(
        [".venv/bin/python -c 'import etl; print(etl.__file__)'"], deployed.task("board-planning"), deployed.place
    )  # fmt: skip
    assert Path(source.stdout.strip()).is_relative_to(deployed.place / ".venv")


def _in_order() -> list[str]:
    """Jobs whose sources are tables come after those that fill them."""
    first = ["board-planning", "board-groups", "bulk-orders", "order-staging", "audit", "run-audit"]
    names = job_names()
    return sorted(names, key=lambda name: (first.index(name) if name in first else len(first), name))  # fmt: skip


@pytest.fixture(scope="module")
def sampled(deployed: Deployed) -> Deployed:
    """The same with the generated tables that jobs read on a laptop."""
    deployed.also("samples", "--rows", "60")
    return deployed


@pytest.mark.parametrize("job", _in_order())
def test_every_jobs_flow_runs_and_is_understood(sampled: Deployed, job: str) -> None:
    code, told, stderr = sampled.run(job)
    assert code == 0, stderr
    assert told.lines == 1
    assert (told.outputs["job"], told.outputs["status"]) == (job, "done")
    assert told.outputs["run_id"] == "4Wc8rExecution"
    for name in ("rows_read", "rows_written", "rows_quarantined", "seconds"):
        assert told.outputs[name] == told.metrics[name]
    phases = [name for name in told.metrics if name.startswith("seconds_")]
    assert phases
    assert get_job(job).name == job
