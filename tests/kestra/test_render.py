"""Rendering: the same text every time, valid YAML, every needed secret by reference and no value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from etl.config import load_config
from etl.errors import ConfigError
from etl.jobs import get_job, job_names
from etl.kestra.files import generated_flows, stale_flows, write_flows
from etl.kestra.needs import Needs, job_needs
from etl.kestra.render import GENERATED, render, wheel_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config import Config

ROOT = Path(__file__).parents[2]
# What can stand on one line of YAML; the space is tried in the middle, where it means something.
TEXT = st.tuples(*[st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)] * 2).map(
    " ".join
)
SECRET = re.compile(r"\{\{ secret\('(\w+)'\) \}\}")


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "KESTRA_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Config]:
    def write(kestra: dict[str, Any] | None = None, **tree: Any) -> Config:
        whole = {
            "databases": {"orders": {"url": "sqlite:///orders.db"}},
            "apis": {"monday": {"sample": True, "boards": {"planning": {"id": "1"}}}},
            "kestra": kestra or {},
            **tree,
        }
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        return load_config(file)

    return write


def flow_of(text: str) -> dict[str, Any]:
    flow: dict[str, Any] = yaml.safe_load(text)
    return flow


def test_the_committed_flows_are_what_the_jobs_and_the_configuration_give() -> None:
    config = load_config(ROOT / "config.yaml")
    config = load_config(ROOT / "config.yaml", profile=config.flows_profile)
    found = stale_flows(ROOT / "flows", generated_flows(config), complete=True)
    assert not found, "run `etl flows render`:\n" + "\n".join(found)


def test_every_job_has_a_flow_that_runs_it() -> None:
    flows = generated_flows(load_config(ROOT / "config.yaml", profile="prod"))
    assert list(flows) == [f"{name}.yaml" for name in job_names()]
    for name in job_names():
        flow = flow_of(flows[f"{name}.yaml"])
        [task] = flow["tasks"]
        assert flow["id"] == name
        assert task["commands"] == [f".venv/bin/python -m etl run {name}"]
        assert task["namespaceFiles"]["include"] == [f"/dist/{wheel_name()}", "/config.yaml"]
        when = [(trigger["cron"], trigger["timezone"]) for trigger in flow.get("triggers", [])]
        schedule = get_job(name).schedule
        assert when == ([(schedule, "Etc/UTC")] if schedule else [])


def test_a_job_gets_the_secrets_that_it_needs_and_no_others() -> None:
    prod = flow_of(render("board-planning", load_config(ROOT / "config.yaml", profile="prod")))
    secrets = {
        name: found[1]
        for name, value in prod["tasks"][0]["env"].items()
        if (found := SECRET.fullmatch(value))
    }
    assert secrets == {
        name: name for name in ("ORDERS_DB_HOST", "ORDERS_DB_PASSWORD", "MONDAY_API_TOKEN")
    }
    laptop = flow_of(render("board-planning", load_config(ROOT / "config.yaml")))
    assert laptop["tasks"][0]["env"] == {
        "ETL_ORCHESTRATOR": "kestra",
        "ETL_RUN_ID": "{{ execution.id }}",
    }


def test_what_the_parts_of_a_job_reach_for_is_found_wherever_it_is_named() -> None:
    assert job_needs(get_job("board-groups")) == Needs(("orders",), monday=True)


@given(value=st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=8))
def test_no_value_of_the_environment_is_in_a_flow(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ORDERS_DB_HOST", "ORDERS_DB_PASSWORD", "MONDAY_API_TOKEN", "KESTRA_PASSWORD"):
            patch.setenv(name, f"{value}~{name}")
        text = render("board-planning", load_config(ROOT / "config.yaml", profile="prod"))
    assert f"{value}~" not in text


@given(
    labels=st.dictionaries(
        st.from_regex(r"[a-z][a-zA-Z0-9._-]{0,20}", fullmatch=True).filter(
            lambda key: not key.startswith("system.") and key not in ("managed-by", "etl-version")
        ),
        TEXT,
        max_size=3,
    ),
    image=TEXT,
    commands=st.lists(TEXT.filter(lambda text: "${" not in text), max_size=3),
    timezone=st.sampled_from(["Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]),
    attempts=st.integers(1, 20),
)
def test_what_is_configured_comes_back_out_of_the_yaml(
    tmp_path_factory: pytest.TempPathFactory,
    labels: dict[str, str],
    image: str,
    commands: list[str],
    timezone: str,
    attempts: int,
) -> None:
    file = tmp_path_factory.mktemp("config") / "config.yaml"
    kestra = {
        "labels": labels,
        "image": image,
        "before_commands": commands,
        "timezone": timezone,
        "retry": {"attempts": attempts},
    }
    tree = {
        "databases": {"orders": {"url": "sqlite://"}},
        "apis": {"monday": {"sample": True}},
        "kestra": kestra,
    }
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    config = load_config(file)
    text = render("board-planning", config)
    assert text == render("board-planning", config)
    flow = flow_of(text)
    [task] = flow["tasks"]
    assert labels.items() <= flow["labels"].items()
    assert task["containerImage"] == image
    assert task["beforeCommands"][:-2] == commands
    assert flow["triggers"][0]["timezone"] == timezone
    assert task.get("retry", {"maxAttempts": 1})["maxAttempts"] == attempts


def test_a_jobs_own_entry_goes_before_the_common_one(configured: Callable[..., Config]) -> None:
    config = configured(
        {
            "timeout": "PT1H",
            "labels": {"team": "data"},
            "jobs": {
                "board-planning": {
                    "timeout": "PT5M",
                    "schedule": "15 6 * * MON-FRI",
                    "labels": {"owner": "ann"},
                    "runner": "process",
                    "enabled": False,
                },
                "board-groups": {"schedule": None},
            },
        }
    )
    flow = flow_of(render("board-planning", config))
    [task] = flow["tasks"]
    assert (task["timeout"], flow["disabled"]) == ("PT5M", True)
    assert flow["triggers"][0]["cron"] == "15 6 * * MON-FRI"
    assert flow["labels"].items() >= {"team": "data", "owner": "ann"}.items()
    assert "containerImage" not in task
    assert task["taskRunner"] == {"type": "io.kestra.plugin.core.runner.Process"}
    assert task["beforeCommands"][0] == "python3 -m venv --system-site-packages .venv"
    assert task["commands"] == [".venv/bin/python -m etl run board-planning"]
    assert "triggers" not in flow_of(render("board-groups", config))


@pytest.mark.parametrize(
    ("url", "installed"),
    [
        ("sqlite://", f"./dist/{wheel_name()}"),
        ("mssql://u:${PW}@h/d", f"'./dist/{wheel_name()}[mssql]'"),
        ("postgresql://u:${PW}@h/d", f"'./dist/{wheel_name()}[postgres]'"),
        ("duckdb:///x.duckdb", f"'./dist/{wheel_name()}[duckdb]'"),
        ("${WHOLE_URL}", f"./dist/{wheel_name()}"),
    ],
)
def test_the_package_is_installed_with_what_the_engines_need(
    configured: Callable[..., Config], url: str, installed: str
) -> None:
    flow = flow_of(render("board-planning", configured(databases={"orders": {"url": url}})))
    assert flow["tasks"][0]["beforeCommands"][-1].endswith(f" {installed}")


@pytest.mark.parametrize(
    ("kestra", "message"),
    [
        ({"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        ({"timeout": "1h"}, "'1h' is no ISO 8601 duration: write PT30S"),
        ({"namespace": "Company.Data"}, "is no namespace: lowercase"),
        ({"labels": {"Team": "x"}}, "label 'Team' must begin with a lowercase letter"),
        ({"alert_webhook_secret": "https://hooks.example/T0/x"}, "must be the name of a secret"),
        ({"before_commands": ["echo ${PASSWORD}"]}, "a shell's variable is $NAME here"),
        ({"jobs": {"board-planning": {"schedule": "0 25 * * *"}}}, "hour '25' is not from 0 to 23"),
        ({"jobs": {"board-planning": {"scedule": "@daily"}}}, "did you mean 'schedule'"),
        ({"retry": {"interval": "PT1M", "attempt": 2}}, "did you mean 'attempts'"),
        ({"imgae": "x"}, "did you mean 'image'"),
        ({"url": "http://user:pw@host"}, "hold no login"),
    ],
)
def test_mistakes_are_told_when_the_configuration_is_read(
    configured: Callable[..., Config], kestra: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(kestra)
    assert message in str(caught.value)
    assert "config.yaml:" in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_job_that_there_is_not_is_named_with_its_line(configured: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"board-planing: no such job; did you mean 'board-planning'\? \(config.yaml:\d+\)"):  # fmt: skip
        generated_flows(configured({"jobs": {"board-planing": {}}}))


class TestFolder:
    def test_written_once_and_what_is_gone_removed(self, tmp_path: Path) -> None:
        flows = {"a.yaml": f"{GENERATED} a\n", "b.yaml": f"{GENERATED} b\n"}
        (tmp_path / "mine.yaml").write_text("id: mine\n")
        outcomes = [
            [(item.file.name, item.outcome) for item in write_flows(tmp_path, given, complete=all_)]
            for given, all_ in ((flows, True), (flows, True), ({"a.yaml": flows["a.yaml"]}, True))
        ]
        assert outcomes == [
            [("a.yaml", "written"), ("b.yaml", "written")],
            [("a.yaml", "unchanged"), ("b.yaml", "unchanged")],
            [("a.yaml", "unchanged"), ("b.yaml", "removed")],
        ]
        assert {file.name for file in tmp_path.iterdir()} == {"a.yaml", "mine.yaml"}

    def test_what_people_wrote_is_never_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("id: mine\n")
        with pytest.raises(ConfigError, match="was not rendered"):
            write_flows(tmp_path, {"b.yaml": "x", "a.yaml": f"{GENERATED}\n"}, complete=True)
        assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"]

    def test_differences_are_shown_but_for_the_hash_in_the_wheels_name(self, tmp_path: Path) -> None:  # fmt: skip
        text = f"{GENERATED}\nx: data_orchestration-0.1.0-py3-none-any.whl\n"
        deployed = text.replace("0.1.0", "0.1.0+h0a1b2c")
        (tmp_path / "a.yaml").write_text(deployed)
        (tmp_path / "old.yaml").write_text(text)
        assert stale_flows(tmp_path, {"a.yaml": text}, complete=False) == []
        [found] = stale_flows(tmp_path, {"a.yaml": text}, complete=True)
        assert "+++ no such job" in found
        assert len(stale_flows(tmp_path, {"a.yaml": text, "b.yaml": text}, complete=False)) == 1
