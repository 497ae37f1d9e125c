"""What stands around the package: the image, servers for Docker, and VS Code's settings."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml

from etl.cli import app
from etl.config import load_config
from tests.documents import DOCUMENTS, ROOT, blocks
from tests.requires import required_module

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
# A name with a host before its first slash, as images of other registries than the usual one have.
HOST = re.compile(r"\b[\w-]+(\.[\w-]+)+(:\d+)?/")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, with their continued lines."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]  # fmt: skip


class TestDockerfile:
    def test_the_base_is_an_argument_and_no_host_is_named(self) -> None:
        images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
        assert images == ["${BASE_IMAGE}", "${BASE_IMAGE}"]
        assert any(
            word == "ARG" and rest.startswith("BASE_IMAGE=") for word, rest in instructions()
        )
        assert not HOST.search(DOCKERFILE)
        assert not re.search(r"https?://|--(extra-)?index", DOCKERFILE)

    def test_it_does_not_end_as_root(self) -> None:
        users = [rest for word, rest in instructions() if word == "USER"]
        assert users == ["etl"]
        last_run = max(at for at, (word, _) in enumerate(instructions()) if word == "RUN")
        assert instructions().index(("USER", "etl")) > last_run

    def test_it_installs_what_ci_does_for_the_drivers(self) -> None:
        gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        for package in ("unixodbc", "libltdl7", "libkrb5-3", "libgssapi-krb5-2"):
            assert package in gate
            assert re.search(rf"apt-get install .*\b{package}\b", DOCKERFILE)

    def test_its_extras_are_the_packages(self) -> None:
        import tomllib

        known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        [given] = [rest for word, rest in instructions() if word == "ARG" and rest.startswith("EXTRAS")]  # fmt: skip
        assert set(given.partition("=")[2].split(",")) <= set(known["project"]["optional-dependencies"])  # fmt: skip

    def test_what_is_copied_is_enough_for_the_wheel(self, tmp_path: Path) -> None:
        required_module("hatchling", "hatchling (uv sync --extra kestra)")
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        sent = {line[1:] for line in ignored if line.startswith("!")}
        before_second = instructions()[: [word for word, _ in instructions()].index("FROM", 2)]
        copied = [rest.split()[:-1] for word, rest in before_second if word == "COPY"]
        for name in (name for names in copied for name in names):
            assert name in sent, f"{name} is copied, and .dockerignore leaves it out"
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(source, tmp_path)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
        [wheel] = (tmp_path / "dist").glob("*.whl")
        names = set(zipfile.ZipFile(wheel).namelist())
        assert {"etl/jobs/board_planning.py", "etl/built_in_config/customers.yaml"} <= names

    @pytest.mark.skipif(not shutil.which("sed"), reason="needs sed, as the image has it")
    def test_the_constraints_are_pins_without_hashes(self) -> None:
        [command] = re.findall(r"(sed [^>]*) /tmp/requirements/all.txt", DOCKERFILE)
        pins = ROOT / "requirements" / "all.txt"
        made = subprocess.run([*shlex.split(command), str(pins)], check=True, capture_output=True, text=True)  # fmt: skip
        lines = [line for line in made.stdout.splitlines() if line.strip() and not line.lstrip().startswith("#")]  # fmt: skip
        assert len(lines) > 50
        for line in lines:
            assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==[^\s\\]+( ; .*[^\\])?", line), line


class TestCompose:
    def test_it_has_the_three_and_each_can_be_waited_for(self) -> None:
        assert set(SERVICES) == {"sqlserver", "postgres", "kestra"}
        assert all(service["healthcheck"]["test"] for service in SERVICES.values())

    def test_ports_are_this_machines_alone(self) -> None:
        for service in SERVICES.values():
            assert all(port.startswith("127.0.0.1:") for port in service["ports"])

    def test_no_secret_and_no_host_is_in_it(self) -> None:
        for service in SERVICES.values():
            assert not HOST.search(service["image"])
            for name, value in service["environment"].items():
                if re.search("PASSWORD|TOKEN|SECRET", name):
                    assert re.fullmatch(r"\$\{\w+:[?-].*\}", value), name
                for secret in re.findall(r"password: *(.*)", str(value)):
                    assert re.fullmatch(r'"\$\{\w+:\?.*\}"', secret)

    def test_volumes_that_are_used_are_there(self) -> None:
        used = {
            volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]
        }
        named = {name for name in used if not name.startswith("/")}
        assert named == set(yaml.safe_load(COMPOSE)["volumes"])

    def test_kestra_is_given_the_secrets_that_flows_ask_for(self) -> None:
        flow = (ROOT / "flows" / "board-planning.yaml").read_text(encoding="utf-8")
        for name in re.findall(r"secret\('(\w+)'\)", flow):
            assert f"SECRET_{name}" in SERVICES["kestra"]["environment"]


def test_the_documents_name_the_image_that_flows_have() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    image = load_config(ROOT / "config.yaml", "prod").flow("board-planning").image
    assert f"the image `{image}`" in text
    built = set(re.findall(r"--tag (\S+)", text + DOCKERFILE)) | set(re.findall(r"^  image: (\S+)", text, re.MULTILINE))  # fmt: skip
    assert len(built) == 1


def commands_of(document: Path) -> list[str]:
    """The lines of a document's shell examples that run ``etl``, without comments."""
    shell = [
        block for block in blocks(document.read_text(encoding="utf-8")) if block.language == "sh"
    ]
    lines = (line.split(" #")[0] for block in shell for line in block.text.splitlines())
    return [line for line in lines if re.search(r"(^|&& )(uv run )?(--extra \w+ )?etl ", line)]


def test_what_documents_say_to_type_are_commands_that_there_are() -> None:
    """Those that need a server, and are therefore not run by the tests of documents."""
    lines = [line for document in DOCUMENTS for line in commands_of(document)]
    assert len(lines) > 20
    for line in lines:
        words = shlex.split(line)
        words = words[words.index("etl") + 1 :]
        check_command(words[2:] if words[0] == "--profile" else words)


class TestVisualStudioCode:
    @staticmethod
    def read(name: str) -> dict[str, Any]:
        text = (ROOT / ".vscode" / name).read_text(encoding="utf-8")
        return dict(json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)))

    def test_tasks_are_commands_that_there_are(self) -> None:
        tasks = self.read("tasks.json")["tasks"]
        lines = [task["command"] for task in tasks]
        for wanted in ("etl run", "etl preview", "etl check", "pytest"):
            assert any(wanted in line for line in lines)
        for line in lines:
            words = shlex.split(line)
            if "etl" in words:
                check_command(words[words.index("etl") + 1 :])

    def test_debugging_runs_commands_that_there_are(self) -> None:
        configurations = self.read("launch.json")["configurations"]
        assert {configuration["module"] for configuration in configurations} == {"etl", "pytest"}
        for configuration in configurations:
            if configuration["module"] == "etl":
                check_command(configuration["args"])

    def test_the_configuration_is_checked_by_its_schema(self) -> None:
        [(schema, files)] = self.read("settings.json")["yaml.schemas"].items()
        assert (ROOT / schema).is_file()
        assert all((ROOT / file).is_file() for file in files)
        assert "redhat.vscode-yaml" in self.read("extensions.json")["recommendations"]


@cache
def the_command() -> Any:
    """``etl`` with all its commands, which takes a while to put together."""
    return typer.main.get_command(app)


def check_command(words: list[str]) -> None:
    """See that a command of ``etl``, and each of its options, exists."""
    command, rest = the_command(), list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known, words
