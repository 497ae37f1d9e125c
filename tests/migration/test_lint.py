"""What must go is found, line by line, in scripts of the old kind, and nothing where nothing must."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from etl.cli import app
from etl.errors import ConfigError
from etl.migration import RULES, lint_file, lint_paths

SCRIPTS = Path(__file__).with_name("scripts")
ROOT = Path(__file__).parents[2]
MARK = re.compile(r"# must go: (.*)$")


def marked(file: Path) -> set[tuple[int, str]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return {
        (number, rule.strip())
        for number, line in enumerate(lines, start=1)
        if (found := MARK.search(line))
        for rule in found[1].split(",")
    }


@pytest.mark.parametrize("file", sorted(SCRIPTS.glob("*.py")), ids=lambda file: file.stem)
def test_exactly_the_marked_lines_are_found(file: Path) -> None:
    assert {(finding.line, finding.rule) for finding in lint_file(file)} == marked(file)


def test_every_rule_is_met_in_the_scripts() -> None:
    met = {rule for file in SCRIPTS.glob("*.py") for _, rule in marked(file)}
    assert met == set(RULES) - {"unreadable"}


def test_nothing_in_the_project_itself() -> None:
    assert lint_paths([ROOT]) == []
    assert lint_paths([ROOT / "etl"]) == []


def lint(tmp_path: Path, source: str) -> list[str]:
    file = tmp_path / "script.py"
    file.write_text(source, encoding="utf-8")
    return [f"{finding.line} {finding.rule}" for finding in lint_file(file)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("cur.execute('insert into t values (1)')", []),
        ("for r in rows:\n    def f():\n        cur.execute('insert into t values (1)')", []),
        ("for r in rows:\n    cur.execute('select 1 from t')", []),
        ("for r in rows:\n    cur.executemany('insert into t values (?)', r)", ["2 row-by-row"]),
        ("cur.execute('delete from t; insert into t select * from s')", ["1 truncate-before-load"]),
        ("cur.execute('delete from t where a = 1')", []),
        ("cur.execute(f'delete from {t}')", ["1 string-built-sql", "1 truncate-before-load"]),
        ("x = f'Select one of {a} from the list'", ["1 string-built-sql"]),
        ("raise ValueError('delete from t')", []),
        ("q = 'select a from t where b in (%s)' % ','.join('?' * 3)", ["1 string-built-sql"]),
        ("cur.execute('select a from t where b = ' + str(b))", ["1 string-built-sql"]),
        ("from sqlalchemy import create_engine as ce\ne = ce(url)", ["2 own-connection"]),
        ("import sqlalchemy as sa\ne = sa.create_engine(url)", ["2 own-connection"]),
        ("password = getpass.getpass()", []),
        ("password: str = ''", []),
        ("headers = {'Authorization': 'Bearer abcdefgh12345'}", ["1 hard-coded-credentials"]),
        ("s = 'Server=x;Uid=sa;Password=' + os.environ['PW']", []),
        ("import pyodbc\nc = pyodbc.connect(x)  # etl: allow own-connection", []),
        ("import pyodbc\nc = pyodbc.connect(x)  # etl: allow row-by-row", ["2 own-connection"]),
        ("def broken(:", ["1 unreadable"]),
        ("a\x00b", ["1 unreadable"]),
    ],
)
def test_what_counts(tmp_path: Path, source: str, found: list[str]) -> None:
    assert sorted(lint(tmp_path, source)) == found


def test_a_file_is_read_in_the_encoding_it_declares(tmp_path: Path) -> None:
    file = tmp_path / "old.py"
    file.write_bytes(
        "# -*- coding: cp1252 -*-\nimport sys\nsys.path.append('Büro')\n".encode("cp1252")
    )
    assert [finding.line for finding in lint_file(file)] == [3]
    file.write_bytes("import sys\nx = 'Büro'\n".encode("cp1252"))
    assert [finding.rule for finding in lint_file(file)] == ["unreadable"]


def test_folders_exclusions_and_paths_that_are_not_there(tmp_path: Path) -> None:
    for name in ("a.py", "old/b.py", ".venv/c.py", "keep/d.py", "e.pyw", "f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import sys\nsys.path.append('x')\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.etl.lint-scripts]\nexclude = ['keep']\n")
    names = [finding.path.name for finding in lint_paths([tmp_path])]
    assert names == ["a.py", "e.pyw", "b.py"]
    assert [f.path.name for f in lint_paths([tmp_path / "keep" / "d.py"])] == ["d.py"]
    assert lint_paths([tmp_path / "keep"]) == []
    with pytest.raises(ConfigError, match="there is no such file or folder"):
        lint_paths([tmp_path / "nowhere"])
    (tmp_path / "pyproject.toml").write_text("[tool.etl.lint-scripts]\nexclude = 'keep'\n")
    with pytest.raises(ConfigError, match="must be a list of patterns"):
        lint_paths([tmp_path])


@given(source=st.text(max_size=200))
def test_any_text_is_linted_or_unreadable(
    tmp_path_factory: pytest.TempPathFactory, source: str
) -> None:
    file = tmp_path_factory.mktemp("any") / "any.py"
    file.write_bytes(source.encode("utf-8", "surrogatepass"))
    assert all(finding.rule in RULES and finding.line >= 1 for finding in lint_file(file))


class TestCommand:
    def test_plain(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(SCRIPTS, tmp_path / "scripts")
        monkeypatch.chdir(tmp_path)
        result = CliRunner().invoke(app, ["lint-scripts", "scripts"])
        assert result.exit_code == 1
        lines = result.output.splitlines()
        found = sum(len(marked(file)) for file in SCRIPTS.glob("*.py"))
        assert lines[-1] == f"{found} findings in 9 files"
        assert lines[0].startswith("scripts/audit.py:4:12: hard-coded-credentials: a secret in ")
        assert "Warehouse#1" not in result.output
        clean = CliRunner().invoke(app, ["lint-scripts", "scripts/clean.py"])
        assert (clean.exit_code, clean.output) == (0, "nothing must go\n")
        assert CliRunner().invoke(app, ["lint-scripts", "nowhere"]).exit_code == 2

    def test_sarif(self) -> None:
        result = CliRunner().invoke(
            app, ["lint-scripts", "--format", "sarif", str(SCRIPTS / "groups.py")]
        )
        assert result.exit_code == 1
        [run] = json.loads(result.output)["runs"]
        where = [
            (r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"])
            for r in run["results"]
        ]
        assert sorted(where) == [
            ("hard-coded-credentials", 4), ("own-connection", 4), ("string-built-sql", 6),
        ]  # fmt: skip
        ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert all(ids[r["ruleIndex"]] == r["ruleId"] for r in run["results"])
