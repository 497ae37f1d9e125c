"""A project with flows, and a server that holds an earlier state of it and things of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import SecretStr

from etl.config import KestraSettings, load_config
from etl.io.kestra import KestraClient
from etl.kestra.deploy import Plan, deploy, plan_deployment
from etl.kestra.files import generated_flows, write_flows
from etl.kestra.render import wheel_name
from etl.kestra.wheel import Wheel
from tests.kestra_server import KestraServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.config import Config

NAMESPACE = "company.data"
OLD, NEW = (wheel_name().replace("-py3", f"+h{letter * 12}-py3") for letter in "0a")
# As many jobs as there may be; the property of every request needs few requests.
JOBS = ("board-planning", "board-groups")
MINE = f"""\
id: mine
namespace: {NAMESPACE}
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: hello
"""


@dataclass
class Project:
    """A checkout with its flows, and how it is deployed."""

    root: Path
    server: KestraServer
    wheel: Wheel

    @property
    def folder(self) -> Path:
        return self.root / "flows"

    def config(self) -> Config:
        return load_config(self.root / "config.yaml")

    def render(self) -> None:
        write_flows(self.folder, generated_flows(self.config()), complete=True)

    def client(self) -> KestraClient:
        server = self.server
        settings = KestraSettings(
            url=server.url,
            tenant=server.tenant,
            username=server.username,
            password=SecretStr(server.password or ""),
        )
        return KestraClient(settings, timeout=10)

    def plan(self, client: KestraClient, **options: Any) -> Plan:
        return plan_deployment(
            self.config(), self.folder, client, build=lambda: self.wheel, **options
        )

    def deploy(self, **options: Any) -> Any:
        with self.client() as client:
            return deploy(self.plan(client), client, sleep=lambda _: None, **options)


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DB_CONFIG_PATH",
        "ETL_PROFILE",
        "KESTRA_URL",
        "KESTRA_USERNAME",
        "KESTRA_PASSWORD",
        "KESTRA_API_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setattr("etl.jobs.job_names", lambda: JOBS)
    tree = {
        "databases": {
            name: {"url": f"sqlite:///{name}.db"}
            for name in ("orders", "distribution", "warehouse")
        },
        "apis": {"monday": {"sample": True, "boards": {"planning": {"id": "1"}}}},
        "kestra": {"namespace": NAMESPACE},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    with KestraServer() as server:
        made = Project(tmp_path, server, Wheel(NEW, b"new wheel " * 100))
        made.render()
        (made.folder / "mine.yaml").write_text(MINE, encoding="utf-8")
        yield made


@pytest.fixture
def used(project: Project) -> Project:
    """The server holds an older deployment, an unused wheel, and flows and files of others."""
    server = project.server
    old = (project.folder / "board-planning.yaml").read_text(encoding="utf-8")
    old = old.replace(wheel_name(), OLD).replace("PT1H", "PT3H")
    server.save(NAMESPACE, "board-planning", old.replace("PT3H", "PT2H"))
    server.save(NAMESPACE, "board-planning", old)
    server.save(NAMESPACE, "others", MINE.replace("mine", "others"))
    server.put(NAMESPACE, "/config.yaml", b"databases: {}\n")
    server.put(NAMESPACE, f"/dist/{OLD}", b"old wheel")
    server.put(NAMESPACE, f"/dist/{OLD.replace('h0', 'h9')}", b"a wheel that no flow names")
    server.put(NAMESPACE, "/notes/read.me", b"of others")
    return project
