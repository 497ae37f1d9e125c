"""Deploying to a peer of Kestra: all or nothing, at whatever request it fails."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from typer.testing import CliRunner

from etl.cli import app
from etl.config import KestraSettings
from etl.errors import ConfigError, EtlError
from etl.io.kestra import KestraClient, KestraError
from etl.kestra.deploy import deploy, live_differences
from etl.kestra.rollback import chosen_snapshots, plan_rollback, rollback
from etl.kestra.snapshots import FOLDER, find_snapshots
from etl.kestra.state import NotPutBackError
from etl.kestra.wheel import OURS, Wheel, build_wheel, source_hash, source_root, without_hash
from tests.kestra.conftest import JOBS, MINE, NAMESPACE, NEW, OLD
from tests.kestra_server import FAULTS

if TYPE_CHECKING:
    from tests.kestra.conftest import Project

ROOT = Path(__file__).parents[2]
# Each kind of fault at each request takes minutes; the two that tell least are always tried.
EVERY_FAULT = os.environ.get("ETL_TEST_KESTRA_FAULTS") == "all"
UNUSED = OLD.replace("h0", "h9")


class TestDeployment:
    def test_everything_arrives_and_a_second_time_changes_nothing(self, project: Project) -> None:
        snapshot = project.deploy()
        flows, files, folders = project.server.holds()
        names = {file.stem for file in project.folder.iterdir()}
        assert {name for _, name in flows} == names
        assert flows[NAMESPACE, "mine"] == MINE
        assert f"/dist/{NEW}" in flows[NAMESPACE, "board-planning"]
        assert files == {
            (NAMESPACE, "/config.yaml"): (project.root / "config.yaml").read_bytes(),
            (NAMESPACE, f"/dist/{NEW}"): project.wheel.content,
        }
        assert folders == {(NAMESPACE, "/dist")}
        assert snapshot.status == "done"
        asked = len(project.server.asked)
        assert project.deploy() is None
        assert {entry.method for entry in project.server.asked[asked:]} == {"GET", "POST"}
        assert {entry.path.rpartition("/")[2] for entry in project.server.asked[asked:] if entry.method == "POST"} == {"validate"}  # fmt: skip

    def test_files_go_before_flows_and_bulk_endpoints_are_never_asked(self, used: Project) -> None:
        used.deploy()
        writes = [entry for entry in used.server.asked if entry.method != "GET" and "validate" not in entry.path]  # fmt: skip
        kinds = ["file" if "/files" in entry.path else "flow" for entry in writes]
        assert kinds.index("flow") == kinds.count("file") - 1  # all but the unused wheel's removal
        assert kinds[-1] == "file"
        assert writes[-1].method == "DELETE"
        assert not any(entry.path.endswith(f"/flows/{NAMESPACE}") for entry in used.server.asked)
        assert used.server.holds()[0][NAMESPACE, "others"] == MINE.replace("mine", "others")
        assert used.server.holds()[1][NAMESPACE, "/notes/read.me"] == b"of others"

    def test_a_wheel_stays_as_long_as_a_flow_names_it_or_did_before(self, used: Project) -> None:
        used.deploy()
        wheels = {path for _, path in used.server.holds()[1] if path.endswith(".whl")}
        assert wheels == {f"/dist/{OLD}", f"/dist/{NEW}"}
        # The next deployment's flows, and those before it, name the new ones only.
        used.wheel = Wheel(NEW.replace("ha", "hb"), b"newer")
        used.deploy()
        wheels = {path for _, path in used.server.holds()[1] if path.endswith(".whl")}
        assert wheels == {f"/dist/{NEW}", f"/dist/{used.wheel.name}"}

    def test_a_flow_of_another_namespace_keeps_the_wheel_that_it_names(self, used: Project) -> None:
        text = MINE.replace("hello", f"/dist/{UNUSED}").replace(NAMESPACE, "company.other")
        used.server.save("company.other", "far", text)
        used.deploy()
        assert (NAMESPACE, f"/dist/{UNUSED}") in used.server.holds()[1]

    def test_what_is_live_is_compared_with_what_is_committed(self, used: Project) -> None:
        with used.client() as client:
            found = "\n".join(live_differences(used.folder, client))
            assert "-    timeout: PT3H" in found
            assert "+    timeout: PT1H" in found
            assert "-id: others" not in found
        used.deploy()
        with used.client() as client:
            assert live_differences(used.folder, client) == []


def requests_of(project: Project) -> int:
    """How many requests a deployment makes, without making the deployment."""
    before = len(project.server.asked)
    with project.client() as client:
        deploy(project.plan(client), client)
    return len(project.server.asked) - before


class TestFailures:
    """The property: after a failure at any request, the server holds what it held before."""

    @pytest.mark.parametrize("fault", FAULTS if EVERY_FAULT else ("dropped", "done-dropped"))
    def test_at_every_request_in_turn(self, used: Project, fault: str, tmp_path: Path) -> None:
        server = used.server
        flows = {key: list(revisions) for key, revisions in server.flows.items()}
        files, folders = dict(server.files), set(server.folders)

        def reset() -> None:
            server.flows = {key: list(revisions) for key, revisions in flows.items()}
            server.files, server.folders = dict(files), set(folders)
            server.faults.clear()

        held = server.holds()
        total = requests_of(used)
        assert total > 15
        for at in range(1, total + 1):
            reset()
            start = server._count
            server.faults[start + at] = fault
            with pytest.raises(EtlError) as caught:
                used.deploy()
            assert start + at <= server._count, "the fault was not met"
            assert server.holds() == held, f"{fault} at request {at}: {caught.value}"
            assert used.server.password not in str(caught.value)
        assert not [kept for kept in find_snapshots(tmp_path) if kept.status == "started"]

    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        faults=st.dictionaries(
            st.integers(1, 60), st.sampled_from(sorted(FAULTS)), min_size=1, max_size=12
        )
    )
    def test_at_any_requests_together(self, used: Project, faults: dict[int, str]) -> None:
        """Also while things are put back; what then is left can be rolled back."""
        server = used.server
        if not hasattr(used, "kept"):
            used.kept = deepcopy((server.flows, server.files, server.folders))  # type: ignore[attr-defined]
        server.flows, server.files, server.folders = deepcopy(used.kept)  # type: ignore[attr-defined]
        held, start = server.holds(), server._count
        server.faults = {start + at: fault for at, fault in faults.items()}
        try:
            used.deploy()
        except NotPutBackError:
            server.faults = {}
            with used.client() as client:
                [chosen] = chosen_snapshots(used.root)
                rollback(client, plan_rollback(client, [chosen]), [chosen])
            assert server.holds() == held
        except EtlError:
            assert server.holds() == held
        else:
            assert min(faults) > server._count - start, "a fault was passed over"

    def test_on_an_empty_server_nothing_is_left(self, project: Project) -> None:
        total = requests_of(project)
        for at in range(1, total + 1):
            project.server.flows, project.server.files = {}, {}
            project.server.folders = set()
            project.server.faults = {project.server._count + at: "done-dropped"}
            with pytest.raises(EtlError):
                project.deploy()
            assert project.server.holds() == ({}, {}, set()), f"request {at}"

    @pytest.mark.parametrize("fault", ["error", "denied", "done-dropped"])
    def test_putting_back_goes_on_through_further_faults(self, used: Project, fault: str) -> None:
        held = used.server.holds()
        server = used.server

        def before(number: int, method: str, path: str) -> None:
            if method == "PUT" and not server.faults:
                server.faults = {number: "done-dropped", number + 1: fault, number + 3: fault, number + 6: fault}  # fmt: skip

        server.before = before
        with pytest.raises(KestraError, match="no answer to PUT"):
            used.deploy()
        assert server.holds() == held

    def test_what_could_not_be_put_back_is_told_and_can_be_rolled_back(self, used: Project) -> None:
        held = used.server.holds()
        server = used.server

        def before(number: int, method: str, path: str) -> None:
            if method == "PUT" or server.faults:
                server.faults[number] = "done-dropped" if method == "PUT" and not server.faults else "error"  # fmt: skip

        server.before = before
        with pytest.raises(NotPutBackError, match=r"could not be put back for flow .*rollback"):
            used.deploy()
        server.before, server.faults = lambda *_: None, {}
        assert server.holds() != held
        [snapshot] = find_snapshots(used.root)
        with pytest.raises(ConfigError, match=f"{snapshot.name} was cut off: `etl flows rollback"):
            used.deploy()
        with used.client() as client:
            [chosen] = chosen_snapshots(used.root)
            rollback(client, plan_rollback(client, [chosen]), [chosen])
        assert server.holds() == held
        assert used.deploy().status == "done"

    def test_a_server_that_does_it_after_all_later(self, used: Project) -> None:
        """The answer fails to come, things are put back, and then the server gets round to it."""
        server = used.server
        held = server.holds()
        late: list[str] = []

        def before(number: int, method: str, path: str) -> None:
            if method == "PUT" and not late:
                server.faults[number] = "dropped"
                late.append(path)

        def sleep(_seconds: float) -> None:
            server.save(NAMESPACE, "board-planning", sent[0].decode())

        server.before = before
        with used.client() as client:
            plan = used.plan(client)
            sent = [c.after for c in plan.changes if c.item.name == "board-planning" and c.after]
            with pytest.raises(KestraError, match="no answer to PUT"):
                deploy(plan, client, sleep=sleep)
        assert late
        assert server.holds() == held

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_in_the_middle(self, used: Project, number: int) -> None:
        """A real process is stopped while the server holds its request; twice, in a hurry."""
        held = used.server.holds()
        server, sent = used.server, []
        process: subprocess.Popen[str]

        def before(_number: int, method: str, path: str) -> None:
            if method == "PUT" and len(sent) < 2:
                sent.append(path)
                process.send_signal(number)
                time.sleep(0.3)

        server.before = before
        script = (
            "import etl.kestra.deploy as d\n"
            "from etl.kestra.wheel import Wheel\n"
            "import etl.jobs\n"
            f"etl.jobs.job_names = lambda: {JOBS!r}\n"
            f"d.plan_deployment.__kwdefaults__['build'] = lambda: Wheel({NEW!r}, b'new wheel')\n"
            "from etl.cli import main\n"
            "main()\n"
        )
        environment = {
            **os.environ,
            "KESTRA_URL": server.url,
            "KESTRA_USERNAME": str(server.username),
            "KESTRA_PASSWORD": str(server.password),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", script, "flows", "deploy"],
            cwd=used.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        _, told = process.communicate(timeout=120)
        assert sent, told
        assert process.returncode == 128 + number, told
        assert "interrupted: whatever was not complete has been undone" in told
        assert server.holds() == held
        [snapshot] = find_snapshots(used.root)
        assert snapshot.status == "restored"


class TestOthers:
    def edit_at(self, used: Project, method: str, name: str) -> str:
        """Let somebody save the flow just before this request for it comes; gives their source."""
        theirs = used.server.holds()[0][NAMESPACE, "board-planning"].replace("PT3H", "PT9H")

        def before(_number: int, asked: str, path: str) -> None:
            if asked == method and path.endswith(name) and not getattr(used, "edited", False):
                used.edited = True  # type: ignore[attr-defined]
                used.server.save(NAMESPACE, "board-planning", theirs)

        used.server.before = before
        return theirs

    def test_an_edit_between_looking_and_saving_is_seen(self, used: Project) -> None:
        with used.client() as client:
            plan = used.plan(client)
            theirs = used.server.holds()[0][NAMESPACE, "board-planning"].replace("PT3H", "PT9H")
            used.server.save(NAMESPACE, "board-planning", theirs)
            held = used.server.holds()
            with pytest.raises(EtlError, match="somebody else has changed flow board-planning"):
                deploy(plan, client)
        assert used.server.holds() == held

    def test_an_edit_at_the_same_moment_is_put_back(self, used: Project) -> None:
        theirs = self.edit_at(used, "PUT", "/board-planning")
        with pytest.raises(EtlError, match="at the same moment"):
            used.deploy()
        assert used.server.holds()[0][NAMESPACE, "board-planning"] == theirs

    def test_an_edit_while_things_are_put_back_is_left(self, used: Project) -> None:
        server = used.server
        theirs = server.holds()[0][NAMESPACE, "board-planning"].replace("PT3H", "PT9H")

        saved: list[str] = []

        def before(number: int, method: str, path: str) -> None:
            if saved == [""] and method == "POST" and path.endswith("/flows"):
                server.faults[number] = "error"
                saved.append(theirs)
                server.save(NAMESPACE, "board-planning", theirs)
            if method == "PUT" and not saved:
                saved.append("")

        server.before = before
        with pytest.raises(NotPutBackError, match="somebody else has changed it since"):
            used.deploy()
        assert server.holds()[0][NAMESPACE, "board-planning"] == theirs

    def test_another_wheel_or_configuration_meanwhile_is_seen(self, used: Project) -> None:
        with used.client() as client:
            plan = used.plan(client)
            used.server.put(NAMESPACE, "/config.yaml", b"databases: {a: 1}\n")
            held = used.server.holds()
            with pytest.raises(EtlError, match=r"changed file /config\.yaml"):
                deploy(plan, client)
        assert used.server.holds() == held


class TestBefore:
    """What is found before anything is changed."""

    def refused(self, project: Project, message: str, **options: Any) -> str:
        held = project.server.holds()
        with project.client() as client, pytest.raises((ConfigError, EtlError)) as caught:
            deploy(project.plan(client, **options), client)
        assert message in str(caught.value)
        assert project.server.holds() == held
        assert not (project.root / FOLDER).exists()
        return str(caught.value)

    @pytest.mark.parametrize(
        ("verdict", "message"),
        [
            ({"constraints": "tasks[0].type: Invalid type"}, "refuses it: tasks[0].type: Invalid type"),
            ({"errors": [{"detail": "Invalid type: x", "path": "tasks[0].type"}]}, "refuses it: tasks[0].type: Invalid type: x"),
            ({"warnings": ["Invalid type: x"]}, "warns: Invalid type: x"),
            ({"deprecationPaths": ["tasks[0].docker"]}, "calls tasks[0].docker deprecated"),
        ],
    )  # fmt: skip
    def test_the_server_is_asked_first(self, project: Project, verdict: dict[str, Any], message: str) -> None:  # fmt: skip
        project.server.verdicts["mine"] = verdict
        text = self.refused(project, message)
        assert "mine.yaml" in text
        if {"constraints", "errors"} & set(verdict):
            self.refused(project, message, allow_warnings=True)
        else:
            assert "--allow-warnings" in text
            with project.client() as client:
                plan = project.plan(client, allow_warnings=True)
                assert message in plan.notes[0]
                deploy(plan, client)

    def test_a_flow_that_is_not_as_it_is_rendered(self, project: Project) -> None:
        file = project.folder / "board-planning.yaml"
        file.write_text(file.read_text().replace("PT1H", "PT2H"))
        assert "board-planning.yaml; `etl flows diff`" in self.refused(project, "not as the jobs")

    def test_a_flow_that_breaks_a_rule(self, project: Project) -> None:
        (project.folder / "mine.yaml").write_text(MINE.replace("message", "mesage"))
        self.refused(project, "unknown property 'mesage'; did you mean 'message'?")
        assert project.server.asked == []

    def test_a_secret_in_the_configuration(self, project: Project) -> None:
        config = project.root / "config.yaml"
        config.write_text(config.read_text().replace("sqlite:///warehouse.db", "postgresql://u:hunter2@h/d"))  # fmt: skip
        text = self.refused(project, "no secret may stand in it")
        assert "hunter2" not in text

    def test_a_wrong_password_is_one_sentence_without_it(self, project: Project) -> None:
        settings = KestraSettings(
            url=project.server.url, tenant="main", username="etl", password=SecretStr("hunter-two")
        )
        with KestraClient(settings) as client, pytest.raises(ConfigError) as caught:
            project.plan(client)
        [line] = str(caught.value).splitlines()
        assert "refused the login: set KESTRA_USERNAME and KESTRA_PASSWORD" in line
        assert "hunter" not in repr(caught.value) + repr(client) + repr(settings)

    def test_a_token(self, project: Project) -> None:
        project.server.token = "token-5d1f"
        settings = KestraSettings(url=project.server.url, tenant="main", token=SecretStr("token-5d1f"))  # fmt: skip
        with KestraClient(settings) as client:
            assert deploy(project.plan(client), client) is not None
        with pytest.raises(ConfigError, match="KESTRA_API_TOKEN holds characters"):
            KestraClient(KestraSettings(url="http://x", tenant="main", token=SecretStr("a\nb")))

    @pytest.mark.parametrize(
        ("url", "message"),
        [("http://127.0.0.1:9", "no answer to POST"), ("ftp://x", "set KESTRA_URL")],
    )
    def test_no_server(self, project: Project, url: str, message: str) -> None:
        client = KestraClient(KestraSettings(url=url, tenant="main"))
        with client, pytest.raises(EtlError, match=message):
            project.plan(client)

    def test_another_tenant(self, project: Project) -> None:
        project.server.tenant = "team"
        settings = KestraSettings(
            url=project.server.url,
            tenant="main",
            username=project.server.username,
            password=SecretStr(str(project.server.password)),
        )
        with KestraClient(settings) as client, pytest.raises(KestraError, match="with 404"):
            project.plan(client)


class TestRollback:
    def roll_back(self, project: Project, name: str | None = None, **options: Any) -> list[str]:
        with project.client() as client:
            chosen = chosen_snapshots(project.root, name)
            rollback(client, plan_rollback(client, chosen, **options), chosen, sleep=lambda _: None)
        return [snapshot.name for snapshot in chosen]

    @pytest.fixture
    def three(self, used: Project) -> tuple[Project, list[Any], list[str]]:
        """Three deployments; what was held before each, and their names."""
        held, names = [], []
        for at, letter in enumerate("abc"):
            held.append(used.server.holds())
            used.wheel = Wheel(NEW.replace("ha", f"h{letter}"), f"wheel {letter}".encode())
            (used.folder / "mine.yaml").write_text(MINE.replace("hello", f"hello {letter}"))
            if letter == "b":
                (used.folder / "second.yaml").write_text(MINE.replace("mine", "second"))
            snapshot = used.deploy(now=dt.datetime(2026, 11, 25, 12, at, tzinfo=dt.UTC))
            names.append(snapshot.name)
        return used, held, names

    def test_the_last_then_the_one_before(self, three: tuple[Project, list[Any], list[str]]) -> None:  # fmt: skip
        project, held, names = three
        for at in (2, 1, 0):
            assert self.roll_back(project) == [names[at]]
            assert project.server.holds() == held[at]
        with pytest.raises(ConfigError, match="no deployment to roll back"):
            self.roll_back(project)

    def test_a_named_one_goes_with_those_after_it(self, three: tuple[Project, list[Any], list[str]]) -> None:  # fmt: skip
        project, held, names = three
        assert self.roll_back(project, names[1]) == [names[2], names[1]]
        assert project.server.holds() == held[1]
        with pytest.raises(ConfigError, match=f"{names[2]} to roll back: it is rolled back"):
            self.roll_back(project, names[2])
        with pytest.raises(ConfigError, match=f"there are {names[0]}"):
            self.roll_back(project, "nonsense")

    def test_what_others_changed_since_is_not_overwritten(self, three: tuple[Project, list[Any], list[str]]) -> None:  # fmt: skip
        project, held, _ = three
        project.server.save(NAMESPACE, "mine", MINE.replace("hello", "of somebody else"))
        now = project.server.holds()
        with pytest.raises(ConfigError, match=r"changed since .* flow mine .*--force"):
            self.roll_back(project)
        assert project.server.holds() == now
        self.roll_back(project, force=True)
        assert project.server.holds() == held[2]

    @pytest.mark.parametrize("fault", ["error", "done-dropped"])
    def test_a_failure_half_way_leaves_the_deployment(self, used: Project, fault: str) -> None:
        used.deploy()
        held = used.server.holds()
        start = used.server._count
        with used.client() as client:
            chosen = chosen_snapshots(used.root)
            plan_rollback(client, chosen)
        looks = used.server._count - start
        for at in range(1, 40):
            used.server.faults = {used.server._count + at: fault}
            try:
                self.roll_back(used)
            except EtlError:
                assert used.server.holds() == held, f"request {at}"
            else:
                break
        assert at > looks + 8, "a rollback makes more requests than these"
        [snapshot] = find_snapshots(used.root)
        assert snapshot.status == "rolled back"

    def test_another_server_is_refused(self, used: Project) -> None:
        used.deploy()
        client = KestraClient(KestraSettings(url="http://127.0.0.1:9", tenant="main"))
        with client, pytest.raises(ConfigError, match=r"went to Kestra .* and this is"):
            plan_rollback(client, chosen_snapshots(used.root))

    def test_a_snapshot_is_for_its_owner_and_holds_no_login(self, used: Project) -> None:
        snapshot = used.deploy()
        assert snapshot.place.stat().st_mode & 0o077 == 0
        kept = b"".join(file.read_bytes() for file in snapshot.place.iterdir())
        assert str(used.server.password).encode() not in kept
        assert b"old wheel" not in kept  # it was not touched: a flow named it
        (snapshot.place / "manifest.json").write_text("{}")
        with pytest.raises(ConfigError, match="snapshot can't be read"):
            find_snapshots(used.root)


class TestCommand:
    @pytest.fixture
    def run(self, used: Project, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.chdir(used.root)
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setenv("KESTRA_URL", used.server.url)
        monkeypatch.setenv("KESTRA_USERNAME", str(used.server.username))
        monkeypatch.setenv("KESTRA_PASSWORD", str(used.server.password))
        return lambda *arguments: CliRunner().invoke(app, ["flows", *arguments])

    def test_plan_deploy_list_and_roll_back(self, used: Project, run: Any) -> None:
        """With the wheel that is built of the sources, and what it holds."""
        held = used.server.holds()
        result = run("deploy", "--dry-run")
        assert result.exit_code == 0, result.output
        assert "dry run: nothing was changed" in result.output
        rows = {tuple(line.split()[:2] + line.split()[-1:]) for line in result.output.splitlines()}
        assert ("update", "flow", "board-planning") in rows
        assert ("create", "flow", "mine") in rows
        assert ("remove", "file", f"/dist/{UNUSED}") in rows
        assert used.server.holds() == held
        result = run("deploy")
        assert result.exit_code == 0, result.output
        assert "deployed to Kestra (127.0.0.1:" in result.output
        assert "has all of it already" in run("deploy").output
        assert "no difference" in run("diff", "--live").output
        [name] = [snapshot.name for snapshot in find_snapshots(used.root)]
        assert f"{name}" in run("rollback", "--list").output
        assert "nothing was changed" in run("rollback", "--dry-run").output
        result = run("rollback")
        assert f"is as it was before {name}" in result.output
        assert used.server.holds() == held
        assert run("rollback").exit_code == 2

    def test_a_wrong_login_is_a_sentence(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KESTRA_PASSWORD", "hunter-two")
        result = run("deploy")
        assert result.exit_code == 2
        assert "refused the login" in result.stderr
        assert "hunter" not in result.output + result.stderr
        monkeypatch.delenv("KESTRA_PASSWORD")
        result = run("deploy")
        assert "KESTRA_PASSWORD is not set" in result.stderr


class TestWheel:
    def test_the_same_sources_have_the_same_name_and_others_another(self, tmp_path: Path) -> None:
        root = tmp_path / "copy"
        (root / "etl").mkdir(parents=True)
        for name in ("pyproject.toml", "README.md"):
            (root / name).write_bytes((ROOT / name).read_bytes())
        (root / "etl" / "__init__.py").write_text("x = 1\n")
        (root / "config").mkdir()
        (root / "config" / "customers.yaml").write_text("customers: []\n")
        first, again = build_wheel(root), build_wheel(root)
        assert first == again
        assert OURS.fullmatch(first.name)
        assert f"+h{source_hash(root)}-py3" in first.name
        (root / "etl" / "__pycache__").mkdir()
        (root / "etl" / "__pycache__" / "x.pyc").write_bytes(b"cache")
        assert source_hash(root) == source_hash(root)
        assert f"+h{source_hash(root)}-" in first.name
        (root / "etl" / "__init__.py").write_text("x = 2\n")
        assert build_wheel(root).name != first.name
        assert without_hash(first.name) == without_hash(build_wheel(root).name)
        second = source_hash(root)
        (root / "config" / "customers.yaml").write_text("customers: [{name: A}]\n")
        assert source_hash(root) != second

    def test_without_sources_the_error_says_where_to_go(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # fmt: skip
        assert source_root() == ROOT
        monkeypatch.setattr("etl.kestra.wheel.__file__", str(tmp_path / "a/b/c/wheel.py"))
        with pytest.raises(ConfigError, match="go to a checkout and run `uv run etl flows deploy`"):
            build_wheel()

    def test_a_build_that_fails_says_why(self, tmp_path: Path) -> None:
        (tmp_path / "etl").mkdir()
        (tmp_path / "README.md").write_text("x")
        (tmp_path / "pyproject.toml").write_text(
            '[project]\nname = "x"\nversion = "1"\nreadme = "no"\n'
        )
        with pytest.raises(EtlError, match="building the wheel failed"):
            build_wheel(tmp_path)


def test_the_peer_deletes_what_a_bulk_request_does_not_send(used: Project) -> None:
    """Why they are not used: the peer does as Kestra does."""
    import httpx

    httpx.post(
        f"{used.server.url}/api/v1/main/flows/{NAMESPACE}",
        auth=(str(used.server.username), str(used.server.password)),
        content=b"",
    )
    assert used.server.holds()[0] == {}
