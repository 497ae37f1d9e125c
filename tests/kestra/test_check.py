"""Checking: right flows pass, and a flow with one mistake is told that mistake, on its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from etl.cli import app
from etl.config import load_config
from etl.errors import ConfigError
from etl.kestra.check import check_flow, check_flows, find_flows, read_schema
from etl.kestra.files import generated_flows
from etl.kestra.render import wheel_name
from tests.kestra_server import KestraServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.config import Config

ROOT = Path(__file__).parents[2]

GOOD = f"""\
id: board-planning
namespace: company.data
description: A flow that somebody wrote
labels:
  team: planning
  cost.center: 17
inputs:
  - id: day
    type: DATE
  - id: mode
    type: SELECT
    values: [fast, slow]
    defaults: fast
variables:
  greeting: hello
concurrency: {{limit: 1, behavior: QUEUE}}
sla:
  - {{id: duration, type: MAX_DURATION, duration: PT2H, behavior: FAIL}}
tasks:
  - id: run
    type: io.kestra.plugin.scripts.python.Commands
    containerImage: python:3.12-slim
    taskRunner:
      type: io.kestra.plugin.scripts.runner.docker.Docker
      pullPolicy: IF_NOT_PRESENT
    namespaceFiles:
      enabled: true
      include:
        - /dist/{wheel_name()}
        - /config.yaml
    beforeCommands:
      - python3 -m pip install --quiet ./dist/{wheel_name()}
    commands:
      - python3 -m etl run board-planning
    env:
      ETL_ORCHESTRATOR: kestra
      ETL_RUN_ID: "{{{{ execution.id }}}}"
      ORDERS_DB_PASSWORD: "{{{{ secret('ORDERS_DB_PASSWORD') }}}}"
      RETRIES: 3
    timeout: PT1H
    retry: {{type: exponential, interval: PT1M, maxInterval: PT15M, maxAttempts: 3}}
  - id: choose
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{ inputs.mode == 'fast' and outputs.run.vars.rows_written > 0 }}}}"
    then:
      - id: tell
        type: io.kestra.plugin.core.log.Log
        message: "{{{{ vars.greeting }}}}: {{{{ outputs['run'].vars.rows_written }}}} rows"
errors:
  - id: alert
    type: io.kestra.plugin.core.http.Request
    uri: "{{{{ secret('ALERT_WEBHOOK_URL') }}}}"
    method: POST
    contentType: application/json
    body: '{{"text": "{{{{ flow.id }}}} failed"}}'
triggers:
  - id: schedule
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 */4 * * MON-FRI"
    timezone: Europe/Berlin
    recoverMissedSchedules: LAST
"""

# name: (what is in the good flow, what stands there instead, what is told)
WRONG: dict[str, tuple[str, str, str]] = {
    # types and properties
    "unknown type": ("python.Commands", "python.Comands", "did you mean 'io.kestra.plugin.scripts.python.Commands'"),
    "old type": ("plugin.core.log.Log", "core.tasks.log.Log", "did you mean 'io.kestra.plugin.core.log.Log'"),
    "type in the wrong case": ("core.log.Log", "core.log.log", "did you mean 'io.kestra.plugin.core.log.Log'"),
    "Slack": ("core.http.Request", "notifications.slack.SlackIncomingWebhook", "post with io.kestra.plugin.core.http.Request"),
    "unknown runner": ("scripts.runner.docker.Docker", "docker.Docker", "did you mean 'io.kestra.plugin.scripts.runner.docker.Docker'"),
    "unknown property": ("commands:", "comands:", "unknown property 'comands'; did you mean 'commands'"),
    "unknown property of the flow": ("triggers:", "trigger:", "unknown property 'trigger'; did you mean 'triggers'"),
    "unknown property of the runner": ("pullPolicy", "pullPolcy", "did you mean 'pullPolicy'"),
    "missing property": ('    uri: "{{ secret(\'ALERT_WEBHOOK_URL\') }}"\n', "", "uri is missing"),
    "image of old": ("containerImage", "image", "write `containerImage:`"),
    "runner of old": ("    containerImage: python:3.12-slim\n", "    runner: DOCKER\n", "write `taskRunner:"),
    "unknown word": ("IF_NOT_PRESENT", "IF_MISSING", "pullPolicy is 'IF_MISSING'; known are ALWAYS, IF_NOT_PRESENT, NEVER"),
    "unknown method": ("method: POST", "method: post", "did you mean 'POST'"),
    "text for a list": ("    commands:\n      - python3", "    commands: python3", "commands must be a list"),
    "list for a mapping": ("      ETL_ORCHESTRATOR: kestra\n", "      - ETL_ORCHESTRATOR\n", "not valid YAML"),
    "mapping for a text": ("- python3 -m etl run board-planning", "- {run: board-planning}", "a text is expected, and this is a mapping"),
    "empty property": ("timeout: PT1H", "timeout:", "timeout is empty"),
    # ids and names
    "no id": ("id: board-planning\n", "", "id is missing"),
    "no namespace": ("namespace: company.data\n", "", "namespace is missing"),
    "no task's id": ("  - id: choose\n    type", "  - type", "id is missing"),
    "namespace's case": ("company.data", "Company.Data", "'Company.Data' is no namespace: lowercase"),
    "flow's id": ("id: board-planning\n", "id: board planning\n", "'board planning' is no flow's id"),
    "flow's id too long": ("id: board-planning\n", f"id: {'a' * 101}\n", "is no flow's id: up to 100"),
    "reserved id": ("id: board-planning\n", "id: search\n", "'search' is reserved"),
    "dot in a task's id": ("id: tell", "id: tell.it", "'tell.it' is no id"),
    "dot in a trigger's id": ("id: schedule", "id: a.b", "'a.b' is no id"),
    "task's id twice": ("id: tell", "id: run", "there is another task with the id 'run'"),
    "trigger's id twice": ("triggers:\n", "triggers:\n  - {id: schedule, type: io.kestra.plugin.core.trigger.Webhook, key: x}\n", "another trigger with the id 'schedule'"),
    "label's case": ("team:", "Team:", "label 'Team' must begin with a lowercase letter"),
    "label of Kestra's": ("team:", "system.team:", "are Kestra's own"),
    # YAML
    "key twice": ("namespace: company.data\n", "namespace: company.data\nnamespace: company.data\n", "given twice, first on line 2"),
    "key twice deep": ("    timeout: PT1H\n", "    timeout: PT1H\n    timeout: PT2H\n", "given twice"),
    "no YAML": ("tasks:\n", "tasks:\n\t- x\n", "not valid YAML"),
    "two documents": ("triggers:\n", "---\ntriggers:\n", "not valid YAML"),
    # times
    "six fields": ('"0 */4 * * MON-FRI"', '"0 0 */4 * * 1"', "has 6 fields instead of 5"),
    "four fields": ('"0 */4 * * MON-FRI"', '"0 */4 * *"', "has 4 fields instead of 5"),
    "hour": ('"0 */4 * * MON-FRI"', '"0 24 * * *"', "hour '24' is not from 0 to 23"),
    "day's name": ("MON-FRI", "MON-FRY", "day of week 'FRY' is not from 0 to 7"),
    "backwards": ("MON-FRI", "FRI-MON", "runs backwards"),
    "Quartz": ('"0 */4 * * MON-FRI"', '"0 4 ? * MON"', "day of month '?' can't be read"),
    "nickname": ('"0 */4 * * MON-FRI"', '"@dayly"', "is none of @yearly"),
    "31 February": ('"0 */4 * * MON-FRI"', '"0 4 31 2 *"', "never comes"),
    "template in cron": ('"0 */4 * * MON-FRI"', '"{{ vars.greeting }}"', "cron '{{ vars.greeting }}'"),
    "cron without quotes": ('"0 */4 * * MON-FRI"', "*/5 * * * *", "not valid YAML"),
    "no time zone": ("    timezone: Europe/Berlin\n", "", "timezone is missing: without it the schedule is in the server's zone"),
    "unknown time zone": ("Europe/Berlin", "Europe/Berln", "did you mean 'Europe/Berlin'"),
    "time zone's case": ("Europe/Berlin", "europe/berlin", "did you mean 'Europe/Berlin'"),
    "duration": ("timeout: PT1H", "timeout: 1h", "'1h' is no ISO 8601 duration"),
    "duration in seconds": ("timeout: PT1H", "timeout: 3600", "timeout must be a text"),
    "duration of months": ("timeout: PT1H", "timeout: P1M", "'P1M' is no ISO 8601 duration"),
    "timeout of the flow": ("concurrency:", "timeout: PT1H\nconcurrency:", "a flow has none"),
    "recover": ("LAST", "NEWEST", "recoverMissedSchedules is 'NEWEST'"),
    "sla without duration": (", duration: PT2H", "", "duration is missing: MAX_DURATION needs it"),
    "concurrency without limit": ("{limit: 1, behavior: QUEUE}", "{behavior: QUEUE}", "limit is missing"),
    "concurrency of none": ("{limit: 1,", "{limit: 0,", "limit must be 1 or more"),
    # retries
    "maxAttempt": ("maxAttempts", "maxAttempt", "maxAttempt: write `maxAttempts:`"),
    "no interval": ("interval: PT1M, ", "", "interval is missing"),
    "no maxInterval": ("maxInterval: PT15M, ", "", "maxInterval is missing"),
    "shorter maxInterval": ("PT15M", "PT30S", "maxInterval PT30S must be longer than PT1M"),
    "retry of no type": ("type: exponential, ", "", "type is missing; known are"),
    "retry of another type": ("type: exponential", "type: exponentiel", "did you mean 'exponential'"),
    # what only one version takes, or none
    "pluginDefaults": ("triggers:\n", "pluginDefaults: []\ntriggers:\n", "pluginDefaults is in 1.x only"),
    "taskDefaults": ("triggers:\n", "taskDefaults: []\ntriggers:\n", "taskDefaults is in neither"),
    "revision": ("labels:", "revision: 3\nlabels:", "Kestra counts revisions itself"),
    "listeners": ("triggers:\n", "listeners: []\ntriggers:\n", "they are gone: write `errors:`"),
    "conditions": ("    timezone", "    conditions: []\n    timezone", "conditions is in 1.x only"),
    "when": ("    timezone", "    when: x\n    timezone", "when is in 2.x only"),
    "runIf": ("    timeout: PT1H\n", "    timeout: PT1H\n    runIf: 'true'\n", "runIf is in 1.x only"),
    "ForEach": ("  - id: choose\n    type: io.kestra.plugin.core.flow.If\n    condition: \"{{ inputs.mode == 'fast' and outputs.run.vars.rows_written > 0 }}\"\n    then:", "  - id: choose\n    type: io.kestra.plugin.core.flow.ForEach\n    values: [1, 2]\n    tasks:", "ForEach is in 1.x only"),
    "Loop": ("  - id: choose\n    type: io.kestra.plugin.core.flow.If\n    condition: \"{{ inputs.mode == 'fast' and outputs.run.vars.rows_written > 0 }}\"\n    then:", "  - id: choose\n    type: io.kestra.plugin.core.flow.Loop\n    values: [1, 2]\n    tasks:", "Loop is in 2.x only"),
    "assets": ("    timeout: PT1H\n", "    timeout: PT1H\n    assets: {}\n", "the open-source edition refuses it"),
    "dependencies": ("    timeout: PT1H\n", "    timeout: PT1H\n    dependencies: [polars]\n", "install in `beforeCommands`"),
    "BOOLEAN": ("type: DATE", "type: BOOLEAN", "write BOOL"),
    "ENUM": ("type: SELECT", "type: ENUM", "write SELECT"),
    "unknown input": ("type: DATE", "type: DAY", "there is no input of type 'DAY'"),
    "required and defaults": ("    defaults: fast", "    required: false\n    defaults: fast", "`required: false` together with defaults"),
    "SELECT of nothing": ("    values: [fast, slow]\n", "", "values is missing: a SELECT needs it"),
    "input's name": ("  - id: day\n", "  - name: day\n", "write `id:`"),
    # templates
    "template not closed": ("{{ execution.id }}", "{{ execution.id }", "'{{' is not closed"),
    "template not opened": ("{{ execution.id }}", "{ execution.id }}", "'}}' closes nothing"),
    "bracket not closed": ("outputs['run'].", "outputs['run'.", "'[' is not closed"),
    "quote not closed": ("== 'fast' and", "== 'fast and", "not closed"),
    "json()": ("{{ vars.greeting }}", "{{ json(vars.greeting) }}", "write fromJson()"),
    "filtered secret": ("secret('ORDERS_DB_PASSWORD')", "secret('ORDERS_DB_PASSWORD') | base64decode", "is filtered"),
    "secret without quotes": ("secret('ORDERS_DB_PASSWORD')", "secret(ORDERS_DB_PASSWORD)", "the secret's name stands in quotes"),
    "secret by its value": ("secret('ORDERS_DB_PASSWORD')", "secret('hunter-2!')", "takes the name of a secret"),
    "secret outside": ("\"{{ secret('ORDERS_DB_PASSWORD') }}\"", "secret('ORDERS_DB_PASSWORD')", "stands outside of {{ }}"),
    "envs": ("{{ execution.id }}", "{{ envs.run_id }}", "begin with ENV_"),
    "output of no task": ("outputs.run.vars", "outputs.rum.vars", "did you mean 'run'"),
    "input that there is not": ("inputs.mode", "inputs.mod", "did you mean 'mode'"),
    "variable that there is not": ("vars.greeting", "vars.greting", "did you mean 'greeting'"),
    "template without quotes": ('"{{ execution.id }}"', "{{ execution.id }}", "a template stands in quotes"),
    "filtered in brackets": ("secret('ORDERS_DB_PASSWORD')", "(secret('ORDERS_DB_PASSWORD')) | trim", "is filtered"),
    "if without end": ('"{{ vars.greeting }}: ', '"{% if true %} {{ vars.greeting }}: ', "{% if %} is not ended"),
    "end without if": ('"{{ vars.greeting }}: ', '"{% endif %} {{ vars.greeting }}: ', "{% endif %} ends nothing"),
    "variables of others": ("vars.greeting", "variables.greeting", "there is no 'variables' in a template: write vars"),
    "secrets of others": ("secret('ORDERS_DB_PASSWORD')", "secrets.ORDERS_DB_PASSWORD", "there is no 'secrets' in a template"),
    "trigger among tasks": ("type: io.kestra.plugin.core.log.Log", "type: io.kestra.plugin.core.trigger.Schedule", "is a trigger: put it under `triggers:`"),
    "task among triggers": ("core.trigger.Schedule", "core.log.Log", "is a task: put it under `tasks:`"),
    # secrets
    "secret in a command": ("- python3 -m etl run", "- TOKEN=hunter2 python3 -m etl run", "looks like a secret"),
    "secret as a value": ("\"{{ secret('ORDERS_DB_PASSWORD') }}\"", "hunter2", "ORDERS_DB_PASSWORD looks like a secret"),
    "webhook as a value": ("\"{{ secret('ALERT_WEBHOOK_URL') }}\"", "https://hooks.slack.com/services/T0/B0/x", "looks like a secret"),
    "webhook of others": ("\"{{ secret('ALERT_WEBHOOK_URL') }}\"", "https://discord.com/api/webhooks/12/ab", "looks like a secret"),
    "mapping for a body": ("body: '{\"text\": \"{{ flow.id }} failed\"}'", "body: {text: failed}", "body must be a text, and is a mapping"),
    "login in a URL": ("\"{{ secret('ALERT_WEBHOOK_URL') }}\"", "https://etl:hunter2@example.com", "looks like a secret"),
    # this package
    "unknown job": ("etl run board-planning", "etl run board-planing", "no job 'board-planing'; did you mean 'board-planning'"),
    "module of none": ("-m etl run", "-m etl.run", "write python3 -m etl run JOB"),
    "job without run": ("-m etl run board", "-m etl board", "write python3 -m etl run JOB"),
    "console script": ("python3 -m etl run", "etl run", "no command `etl` is on PATH"),
    "glob": ("- /config.yaml", "- config.yaml", "write '/config.yaml'"),
    "files not enabled": ("      enabled: true\n", "", "write `enabled: true`"),
    "all files": (f"      include:\n        - /dist/{wheel_name()}\n        - /config.yaml\n", "", "include is missing"),
    "no configuration": ("        - /config.yaml\n", "", "config.yaml is not there"),
    "no wheel": (f"        - /dist/{wheel_name()}\n", "", "is not there: put `- /dist/"),
    "another wheel": (f"pip install --quiet ./dist/{wheel_name()}", "pip install --quiet ./dist/other-1.0-py3-none-any.whl", "./dist/other-1.0-py3-none-any.whl is not there"),
    "no orchestrator": ("      ETL_ORCHESTRATOR: kestra\n", "", "ETL_ORCHESTRATOR is missing"),
}  # fmt: skip


def told(text: str, **options: Any) -> list[str]:
    return [str(finding) for finding in check_flow(text, "a.yaml", **options)]


def test_a_right_flow_passes_for_every_target() -> None:
    for target in ("1", "2", "both"):
        assert told(GOOD, target=target) == []


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_named_with_its_line(name: str) -> None:
    right, wrong, message = WRONG[name]
    assert right in GOOD, "the good flow does not hold what is to be spoilt"
    text = GOOD.replace(right, wrong, 1)
    found = check_flow(text, "a.yaml")
    [first, *more] = [finding for finding in found if message in str(finding)] or [None]
    assert first is not None, [str(finding) for finding in found]
    assert not more
    # It is on the line that was spoilt; where one was taken, near: at the part that lacks it.
    at = GOOD[: GOOD.index(right)].count("\n") + 1
    taken = not wrong or wrong.count("\n") < right.count("\n")
    low, high = (1, at + 5) if taken else (at, at + max(right.count("\n"), wrong.count("\n")) + 1)
    assert low <= first.line <= high, str(first)
    assert "hunter2" not in str(first)
    # One mistake is not told as five.
    assert len(found) <= 3, [str(finding) for finding in found]


def test_there_are_enough_of_them() -> None:
    assert len(WRONG) >= 20


def test_one_version_alone_takes_its_own() -> None:
    one = GOOD.replace("    timezone", "    conditions: []\n    timezone")
    two = GOOD.replace("    timezone", "    when: x\n    timezone")
    assert told(one, target="1") == told(two, target="2") == []
    assert len(told(one, target="2")) == len(told(two, target="1")) == 1
    with pytest.raises(ConfigError, match="no target '3'"):
        check_flow(GOOD, "a.yaml", target="3")


def test_a_secret_may_be_asked_for_by_keyword_and_a_wheel_by_a_pattern() -> None:
    keyword = GOOD.replace("secret('ALERT_WEBHOOK_URL')", "secret(namespace='company', key='HOOK')")
    pattern = GOOD.replace(f"/dist/{wheel_name()}\n", "/dist/*.whl\n", 1)
    assert told(keyword) == told(pattern) == []
    assert told(pattern.replace(f"./dist/{wheel_name()}", "./dist/*.whl")) == []


def test_braces_of_json_and_code_are_no_templates() -> None:
    body = """body: '{"a": {"b": [{"c": {}}]}, "text": "{{ flow.id }} failed"}'"""
    code = (
        "type: io.kestra.plugin.scripts.python.Script\n"
        '        script: |\n          print({"a": {"b": "{{ flow.id }}"}})\n'
    )
    log = "type: io.kestra.plugin.core.log.Log\n        message: \"{{ vars.greeting }}: {{ outputs['run'].vars.rows_written }} rows\"\n"
    right = 'body: \'{"text": "{{ flow.id }} failed"}\''
    assert right in GOOD
    assert log in GOOD
    assert told(GOOD.replace(right, body)) == told(GOOD.replace(log, code)) == []


def test_seconds_take_a_sixth_field() -> None:
    six = GOOD.replace('"0 */4 * * MON-FRI"', '"30 0 */4 * * 1"\n    withSeconds: true')
    assert told(six) == []
    assert "second '60'" in told(six.replace('"30 0', '"60 0'))[0]


def test_the_process_runner_needs_python3() -> None:
    process = GOOD.replace("scripts.runner.docker.Docker\n      pullPolicy: IF_NOT_PRESENT", "core.runner.Process")  # fmt: skip
    assert told(process) == []
    [line] = told(process.replace("python3 -m etl", "python -m etl"))
    assert "write python3" in line


def test_files_around_a_task_are_its_own() -> None:
    head, _, rest = GOOD.partition("    namespaceFiles:\n")
    files, _, rest = rest.partition("    beforeCommands:\n")
    run = head.rpartition("  - id: run\n")[2]
    task = "".join(f"    {line}\n" for line in f"  - id: run\n{run}    beforeCommands:\n{rest}".partition("  - id: choose")[0].splitlines())  # fmt: skip
    wrapped = (
        "id: a\nnamespace: b\ntasks:\n  - id: around\n"
        "    type: io.kestra.plugin.core.flow.WorkingDirectory\n"
        f"    namespaceFiles:\n{files}    tasks:\n{task}"
    )
    assert told(wrapped) == []


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The shipped configuration, with a type of another plugin named in it."""
    monkeypatch.delenv("ETL_PROFILE", raising=False)
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    named = "kestra:\n  plugin_types: [io.kestra.plugin.jdbc.sqlserver.Query]\n"
    (tmp_path / "config.yaml").write_text(text.replace("kestra:\n", named, 1), encoding="utf-8")
    return load_config(tmp_path / "config.yaml")


def test_a_task_has_what_its_job_needs_by_the_configuration(shipped: Config) -> None:
    assert told(GOOD, config=shipped) == []  # a laptop's profile needs nothing
    prod = GOOD.replace("      RETRIES: 3\n", "      ETL_PROFILE: prod\n")
    found = told(prod, config=shipped)
    assert [line.split(": ")[1] for line in found] == [
        "ORDERS_DB_HOST is missing",
        "MONDAY_API_TOKEN is missing",
    ]
    [line] = told(prod.replace("PROFILE: prod", "PROFILE: prd"), config=shipped)
    assert "config.yaml has no profile 'prd'; did you mean 'prod'?" in line
    assert line.endswith("(tasks.0.env.ETL_PROFILE)")


def test_types_that_the_server_has_can_be_named(shipped: Config) -> None:
    text = GOOD.replace("io.kestra.plugin.core.log.Log", "io.kestra.plugin.jdbc.sqlserver.Query")
    [line] = told(text)
    assert "name it in `kestra.plugin_types` of config.yaml" in line
    assert told(text, config=shipped) == []


SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["id", "tasks"],
    "properties": {
        "tasks": {
            "type": "array",
            "items": {
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {"type": {"const": "io.kestra.plugin.jdbc.sqlserver.Query"}},
                    }
                ]
            },
        },
        "description": {"type": "string", "maxLength": 5},
    },
}


def test_a_servers_schema_adds_types_and_finds_more(tmp_path: Path) -> None:
    schema = read_schema(json.dumps(SCHEMA), "schema.json")
    text = "id: a\nnamespace: b\ndescription: secret-text\ntasks:\n  - {id: q, type: io.kestra.plugin.jdbc.sqlserver.Query}\n"
    [line] = told(text, schema=schema)
    assert line.startswith("a.yaml:3: the server's schema refuses it: maxLength (5)")
    assert "secret-text" not in line
    assert told(text.replace("secret-text", "short"), schema=schema) == []
    for wrong in ("[1]", "{", '{"type": "nonsense"}'):
        with pytest.raises(ConfigError, match="no JSON schema"):
            read_schema(wrong, "schema.json")


def test_a_schema_from_a_server_is_asked_for_with_its_own_login_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("databases: {}\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with KestraServer(schema=SCHEMA) as server, KestraServer(schema=SCHEMA) as other:
        monkeypatch.setenv("KESTRA_URL", server.url)
        monkeypatch.setenv("KESTRA_USERNAME", str(server.username))
        monkeypatch.setenv("KESTRA_PASSWORD", str(server.password))
        address = "/api/v1/main/plugins/schemas/flow"
        run = CliRunner().invoke(
            app, ["flows", "check", "a.yaml", "--schema", server.url + address]
        )
        assert "the server's schema refuses it: maxLength (5)" in run.output
        run = CliRunner().invoke(app, ["flows", "check", "a.yaml", "--schema", other.url + address])
        assert (run.exit_code, "answered with 401" in run.stderr) == (1, True)
        assert "Authorization" not in other.headers[0]
        run = CliRunner().invoke(app, ["flows", "check", "a.yaml", "--schema", f"{server.url}/no"])
        assert "answered with 404" in run.stderr


def test_no_two_flows_are_the_same(tmp_path: Path) -> None:
    found = check_flows({"a.yaml": GOOD, "b.yaml": GOOD})
    [line] = [str(finding) for finding in found]
    assert line.startswith("b.yaml:1: the flow company.data.board-planning is in a.yaml too")
    assert check_flows({"a.yaml": GOOD, "b.yaml": GOOD.replace("company.data", "company.test")}) == []  # fmt: skip


@given(text=st.text())
def test_any_text_is_answered(text: str) -> None:
    found = check_flow(text, "a.yaml")
    assert found
    assert all(finding.line >= 1 for finding in found)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("{{ x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(data=st.data(), value=VALUES)
def test_whatever_stands_in_a_place_is_answered(data: st.DataObject, value: object) -> None:
    flow = yaml.safe_load(GOOD)
    place: Any = flow
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            place[key] = value
            break
        place = inner
    found = check_flow(yaml.safe_dump(flow, allow_unicode=True), "a.yaml")
    assert all(finding.message and finding.line >= 1 for finding in found)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document below its top, as the keys that lead there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # fmt: skip
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


@pytest.mark.parametrize("value", [[], {}, [[]], [{"a": []}], {"type": []}])
def test_what_is_no_key_of_a_mapping_is_answered_in_every_place(value: object) -> None:
    for *path, key in places(yaml.safe_load(GOOD)):
        flow = yaml.safe_load(GOOD)
        place = flow
        for step in path:
            place = place[step]
        place[key] = value
        found = check_flow(yaml.safe_dump(flow), "a.yaml")
        assert all(finding.message and finding.line >= 1 for finding in found)


@given(
    kestra=st.fixed_dictionaries(
        {},
        optional={
            "runner": st.sampled_from(["docker", "process"]),
            "timezone": st.sampled_from(["Etc/UTC", "Asia/Tokyo"]),
            "timeout": st.sampled_from(["PT30S", "P1DT1H", "pt1m"]),
            "alert_webhook_secret": st.just("HOOK"),
            "labels": st.dictionaries(st.sampled_from(["team", "cost.center"]), st.just("x")),
            "retry": st.fixed_dictionaries({"attempts": st.integers(1, 20)}),
        },
    ),
    url=st.sampled_from(["sqlite://", "mssql://u:${PW}@${HOST}/d", "postgresql://u:${PW}@h/d"]),
    profile=st.sampled_from([None, "prod"]),
)
def test_whatever_is_rendered_passes(
    tmp_path_factory: pytest.TempPathFactory, kestra: dict[str, Any], url: str, profile: str | None
) -> None:
    file = tmp_path_factory.mktemp("config") / "config.yaml"
    tree = {
        "databases": {name: {"url": url} for name in ("orders", "distribution", "warehouse")},
        "apis": {"monday": {"boards": {"planning": {"id": 1}}}},
        "kestra": kestra,
        "profiles": {"prod": {}},
    }
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    flows = generated_flows(load_config(file, profile))
    for target in ("1", "2", "both"):
        assert check_flows(flows, target=target) == []


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        for name in ("DB_CONFIG_PATH", "ETL_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(tmp_path)
        return lambda *arguments: CliRunner().invoke(app, ["flows", "check", *arguments])

    def test_the_committed_flows_pass(self, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> None:  # fmt: skip
        monkeypatch.chdir(ROOT)
        result = run()
        assert (result.exit_code, "are right for Kestra 1.x and 2.x" in result.output) == (0, True)

    def test_mistakes_are_lines_and_the_exit_code_is_1(self, tmp_path: Path, run: Callable[..., Any]) -> None:  # fmt: skip
        (tmp_path / "a.yaml").write_text(GOOD.replace("PT1H", "1h"), encoding="utf-8")
        result = run("a.yaml")
        assert result.exit_code == 1
        assert result.output.startswith("a.yaml:40: timeout: '1h' is no ISO 8601 duration")
        assert run("a.yaml", "--target", "3").exit_code == 2

    def test_nothing_to_check_is_an_error(self, tmp_path: Path, run: Callable[..., Any]) -> None:
        assert (run().exit_code, run("nowhere").exit_code) == (2, 2)
        assert "there is no such file or folder" in run("nowhere").stderr
        (tmp_path / "empty").mkdir()
        assert "no flow (*.yaml) is in it" in run("empty").stderr

    def test_a_schema_from_a_file(self, tmp_path: Path, run: Callable[..., Any]) -> None:
        (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
        (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
        result = run("a.yaml", "--schema", "schema.json")
        assert "the server's schema refuses it" in result.output
        assert run("a.yaml", "--schema", "nowhere.json").exit_code == 2


def test_folders_are_read_to_the_bottom(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yml").write_text("id: b")
    (tmp_path / "a.yaml").write_text("id: a")
    (tmp_path / "notes.md").write_text("no flow")
    assert list(find_flows([tmp_path])) == [str(tmp_path / "a.yaml"), str(tmp_path / "sub/b.yml")]
