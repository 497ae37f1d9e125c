"""config.yaml: found, merged, checked as a whole, and never telling a secret."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from etl.config import DatabaseSettings, get_config, load_config, reset_config
from etl.config._schema import json_schema
from etl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
VARIABLES = ("DB_CONFIG_PATH", "ETL_PROFILE", "MONDAY_API_TOKEN", "MONDAY_API_URL", "PW", "PORT")
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    reset_config()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path, profile: str | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, profile)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


SERVER = """
databases:
  orders:
    host: db.example
    port: 1444
    database: sales
    username: etl
    password: ${PW}
    encrypt: no
    trustServerCertificate: yes
    trusted_connection: no
    driver: "{ODBC Driver 18 for SQL Server}"
"""


class TestFinding:
    def test_argument_before_variable_before_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("here", "named", "given"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "config.yaml").write_text("databases: {}")
        below = tmp_path / "here" / "a" / "b"
        below.mkdir(parents=True)
        monkeypatch.chdir(below)
        assert load_config().path == tmp_path / "here" / "config.yaml"
        monkeypatch.setenv("DB_CONFIG_PATH", str(tmp_path / "named" / "config.yaml"))
        assert load_config().path == tmp_path / "named" / "config.yaml"
        given = tmp_path / "given" / "config.yaml"
        assert load_config(given).path == given

    def test_says_where_it_looked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="DB_CONFIG_PATH") as caught:
            load_config()
        assert str(tmp_path) in str(caught.value)
        monkeypatch.setenv("DB_CONFIG_PATH", "/no/such/file.yaml")
        with pytest.raises(ConfigError, match=r"/no/such/file.yaml \(from DB_CONFIG_PATH\)"):
            load_config()

    def test_get_config_follows_the_file_the_profile_and_the_directory(
        self, write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("databases: {a: {url: 'sqlite://'}}\nprofiles: {p: {}}")
        monkeypatch.chdir(tmp_path)
        first = get_config()
        assert get_config() is first
        monkeypatch.setenv("ETL_PROFILE", "p")
        assert get_config().profile == "p"
        reset_config()
        assert get_config() is not first


class TestMistakes:
    def test_three_mistakes_are_three_lines(self, write: Callable[[str], Path]) -> None:
        path = write(
            "databases:\n"
            "  orders: {host: h, prt: 1433, database: d, username: u, password: x}\n"
            "  hr: {ulr: 'sqlite://'}\n"
            "apis: {monday: {sampel: true}}\n"
        )
        assert problems(path) == (
            f"databases.orders.prt: unknown key; did you mean 'port'? ({path}:2)",
            f"databases.hr.ulr: unknown key; did you mean 'url'? ({path}:3)",
            f"apis.monday.sampel: unknown key; did you mean 'sample'? ({path}:4)",
        )

    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            ("{url: nonsense}", "databases.a.url: not a database URL"),
            ("{url: 'mysqll://h/d'}", "databases.a.url: unknown engine 'mysqll'; did you mean 'mysql'?"),
            ("{url: 'sqlite://data/a.db'}", "databases.a.url: a file's URL has three slashes"),
            ("{url: 'mssql://h/d'}", "databases.a.url: SQL Server needs user:password@"),
            ("{url: 'mssql://u:p@h'}", "databases.a.url: the URL names no database"),
            ("{url: 'mssql://u:p@h:0/d'}", "databases.a.url: the port must be a whole number"),
            ("{url: 'mssql://u:p@h/d?encrypt=maybe'}", "databases.a.url: encrypt must be yes, no or strict"),
            ("{url: 'postgresql://h/d?a=1&a=2'}", "databases.a.url: the option 'a' is given twice"),
            ("{url: 'sqlite://', host: h}", "databases.a.host: does not go together with url"),
            ("{url: 'sqlite:///${'}", "databases.a.url: has `${` without NAME"),
            ("{host: h, database: d}", "databases.a: needs username and password"),
            ("{host: h, username: u, password: p}", "databases.a.database: is missing"),
            ("{host: '', database: d, trusted_connection: yes}", "databases.a.host: must not be empty"),
            ("{host: h, database: d, username: u, password: 12}", "databases.a.password: must be text: put it in quotes"),
            ("{host: h, database: d, trusted_connection: maybe}", "databases.a.trusted_connection: must be yes or no"),
            ("{host: h, database: d, trusted_connection: yes, port: 70000}", "databases.a.port: must be a whole number from 1 to 65535"),
            ("{host: h, database: d, trusted_connection: yes, port: true}", "databases.a.port: must be a whole number"),
            ("{host: h, database: d, trusted_connection: yes, encrypt: x}", "databases.a.encrypt: must be yes, no or strict"),
            ("mssql://sa:hunter2@h/d", "databases.a: must be a mapping with `url`"),
            ("[1]", "databases.a: must be a mapping with `url`"),
        ],
    )  # fmt: skip
    def test_entry(
        self, write: Callable[[str], Path], tmp_path: Path, entry: str, expected: str
    ) -> None:
        [line] = problems(write(f"databases:\n  a: {entry}\n"))
        assert line.startswith(expected)
        assert line.endswith("config.yaml:2)")
        assert SECRET not in line.replace(str(tmp_path), "")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "databases: is missing"),
            ("databses: {}", "databses: unknown key; did you mean 'databases'?"),
            ("databases: 3", "databases: must be a mapping"),
            ("databases: {}\napis: {mondy: {}}", "apis.mondy: unknown key; did you mean 'monday'?"),
            ("databases: {}\napis: {monday: {url: 'ftp://x'}}", "apis.monday.url: must begin with https://"),
            ("databases: {}\napis: {monday: {timeout: soon}}", "apis.monday.timeout: must be a number"),
            ("databases: {}\napis: {monday: {timeout: -1}}", "apis.monday.timeout: must be greater than 0"),
            ("databases: {}\napis: {monday: {api_version: new}}", "apis.monday.api_version: must look like 2026-10"),
            ("databases: {}\napis: {monday: {boards: {b: {id: x}}}}", "apis.monday.boards.b.id: must be the board's number"),
            ("databases: {}\napis: {monday: {boards: {b: {}}}}", "apis.monday.boards.b.id: is missing"),
            ("databases: {}\nprofiles: {p: 3}", "profiles.p: must be a mapping"),
            ("databases: {}\nprofiles: 3", "profiles: must be a mapping"),
            ("databases: {}\ndatabases: {}", "databases: given twice, first on line 1"),
            ("- a", "must be a mapping"),
        ],
    )  # fmt: skip
    def test_file(self, write: Callable[[str], Path], text: str, expected: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load_config(write(text))
        assert expected in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        [
            "databases:\n  a: {password: hunter2\n",
            "databases:\n  a:\n    password: *hunter2\n",
            "databases:\n  a:\n    password: !hunter2 x\n",
            "databases:\n  a:\n    password: 'hunter2\n",
            "databases:\n  a:\n    password: a: hunter2\n",
            "databases:\n\ta: hunter2\n",
            "databases: \x00",
            "a: &a {b: *a}",
            "a: 1\n---\nb: hunter2",
        ],
    )
    def test_broken_yaml_is_one_line_without_the_text(
        self, write: Callable[[str], Path], tmp_path: Path, text: str
    ) -> None:
        [line] = problems(write(text))
        assert "not valid YAML" in line
        assert SECRET not in line.replace(str(tmp_path), "")

    def test_not_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_bytes("databases: {a: {url: 'sqlite:///é.db'}}".encode("latin-1"))
        with pytest.raises(ConfigError, match="save it as UTF-8"):
            load_config(path)

    def test_byte_order_mark_is_fine(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_bytes(b"\xef\xbb\xbfdatabases: {a: {url: 'sqlite://'}}")
        assert load_config(path).databases == ("a",)

    def test_missing_variables_join_the_report(self, write: Callable[[str], Path]) -> None:
        path = write(SERVER + "    prt: 1\napis: {monday: {token: '${MONDAY_API_TOKEN}'}}\n")
        lines = problems(path)
        assert [line.split(":")[0] for line in lines] == [
            "databases.orders.prt",
            "databases.orders.password",
            "apis.monday.token",
        ]
        assert "the environment variable PW is not set" in lines[1]

    def test_sample_needs_no_token(self, write: Callable[[str], Path]) -> None:
        path = write("databases: {a: {ul: x}}\napis: {monday: {sample: true, token: '${T}'}}")
        [line] = problems(path)
        assert line.startswith("databases.a.ul")

    def test_a_reference_has_no_default(self, write: Callable[[str], Path]) -> None:
        [line] = problems(write(SERVER.replace("${PW}", "${PW:-hunter2}")))
        assert line.startswith("databases.orders.password: has `${` without NAME")
        assert SECRET not in line

    def test_keys_are_kept_as_written(self, write: Callable[[str], Path]) -> None:
        path = write("databases: {on: {url: 'sqlite://'}, 12: {url: 'sqlite://'}}")
        assert load_config(path).databases == ("on", "12")

    def test_aliases_and_merge_keys(self, write: Callable[[str], Path], tmp_path: Path) -> None:
        path = write(
            "databases:\n  a: &a {url: 'sqlite:///a.db', connect_timeout: 5}\n  b: {<<: *a, connect_timeout: 7}\n"
        )
        b = load_config(path).database("b")
        assert (b.database, b.connect_timeout) == (str(tmp_path / "a.db"), 7)


class TestProfiles:
    BASE = "databases:\n  orders: {url: 'sqlite:///o.db'}\n  hr: {host: h, port: 1, database: d, trusted_connection: yes}\nprofiles:\n"

    def test_deep_merge_and_replaced_form(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(
            self.BASE
            + "  prod:\n    databases:\n      orders: {host: big, database: o, trusted_connection: yes}\n"
            "      hr: {port: 2}\n  memory:\n    databases: {hr: {url: 'sqlite://'}}\n  empty:\n"
        )
        prod = load_config(path, "prod")
        assert prod.database("orders").host == "big"
        assert prod.database("hr").where == "mssql://h:2/d"
        monkeypatch.setenv("ETL_PROFILE", "memory")
        assert load_config(path).database("hr").database == ":memory:"
        assert load_config(path, "empty").database("orders").engine == "sqlite"

    def test_unknown_profile(self, write: Callable[[str], Path]) -> None:
        with pytest.raises(ConfigError, match="no profile 'prd'; did you mean 'prod'"):
            load_config(write(self.BASE + "  prod: {}\n"), "prd")

    def test_mistakes_of_every_profile_once_and_where_they_stand(
        self, write: Callable[[str], Path]
    ) -> None:
        path = write(
            "databases:\n"
            "  orders: {url: 'sqlite://', prt: 1}\n"
            "profiles:\n"
            "  prod:\n"
            "    databases:\n"
            "      orders: {host: h, port: x, database: o, trusted_connection: yes}\n"
            "  dev:\n"
            "    databses: {}\n"
        )
        for profile in (None, "prod", "dev"):
            lines = problems(path, profile)
            assert [line.split(": ")[0] for line in lines] == [
                "databases.orders.prt",
                "profiles.prod.databases.orders.port",
                "profiles.dev.databses",
            ]
            assert "config.yaml:6)" in lines[1]

    def test_a_profile_may_complete_the_top_level(self, write: Callable[[str], Path]) -> None:
        path = write(
            "databases:\n  orders: {database: o, trusted_connection: yes}\n"
            "profiles:\n  prod: {databases: {orders: {host: h}}}\n"
        )
        assert load_config(path, "prod").database("orders").host == "h"
        [line] = problems(path)
        assert line.startswith("databases.orders.host: is missing")

    def test_missing_variable_is_named_by_its_place(self, write: Callable[[str], Path]) -> None:
        path = write(self.BASE + "  prod:\n    databases: {hr: {username: u, password: '${PW}'}}\n")
        config = load_config(path, "prod")
        with pytest.raises(ConfigError, match=r"^profiles\.prod\.databases\.hr\.password: the environment variable PW is not set \(.*:6\)$"):  # fmt: skip
            config.database("hr")


class TestDatabase:
    def test_existing_structure(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = load_config(write(SERVER))
        with pytest.raises(ConfigError, match="PW is not set"):
            config.database("orders")
        monkeypatch.setenv("PW", "")
        with pytest.raises(ConfigError, match="PW is not set"):
            config.database("orders")
        monkeypatch.setenv("PW", SECRET)
        orders = config.database("orders")
        assert orders.password is not None
        assert orders.password.get_secret_value() == SECRET
        assert (orders.engine, orders.host, orders.port, orders.database) == ("mssql", "db.example", 1444, "sales")  # fmt: skip
        assert (orders.encrypt, orders.trust_server_certificate, orders.trusted_connection) == ("no", True, False)  # fmt: skip
        assert orders.driver == "ODBC Driver 18 for SQL Server"
        assert SECRET not in repr(orders) + repr(config) + str(orders)
        assert hash(orders) == hash(config.database("orders"))

    def test_references_in_numbers_are_checked_when_used(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = load_config(write(SERVER.replace("1444", "${PORT}").replace("${PW}", "x")))
        monkeypatch.setenv("PORT", "1555")
        assert config.database("orders").port == 1555
        monkeypatch.setenv("PORT", "many")
        with pytest.raises(ConfigError, match=r"databases\.orders\.port: must be a whole number"):
            config.database("orders")

    def test_secrets_of_other_databases_are_not_needed(self, write: Callable[[str], Path]) -> None:
        config = load_config(write(SERVER + "  local: {url: 'sqlite://'}\n"))
        assert config.database("local").database == ":memory:"

    def test_unknown_name(self, write: Callable[[str], Path]) -> None:
        config = load_config(write(SERVER))
        with pytest.raises(
            ConfigError, match="no database 'ordres'; did you mean 'orders'"
        ) as caught:
            config.database("ordres")
        assert caught.value.database == "ordres"

    @pytest.mark.parametrize(
        "encrypt", ["", "encrypt: yes", "encrypt: 'true'", "encrypt: Mandatory"]
    )
    def test_encryption_is_the_default(self, write: Callable[[str], Path], encrypt: str) -> None:
        text = f"databases:\n  a:\n    host: h\n    database: d\n    trusted_connection: yes\n    {encrypt}\n"
        assert load_config(write(text)).database("a").encrypt == "yes"

    def test_relative_file_starts_at_the_config_file(
        self, write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write("databases: {a: {url: 'sqlite:///data/a.db'}, b: {url: 'duckdb:////b.db'}}")
        monkeypatch.chdir("/")
        config = load_config(path)
        assert config.database("a").database == str(tmp_path / "data" / "a.db")
        assert config.database("b").database == "/b.db"
        assert not (tmp_path / "data").exists()

    @given(value=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1))
    def test_a_variable_in_a_url_is_literal(self, value: str) -> None:
        from etl.config._url import parse_url

        url = "mssql://u${V}:a%40${V}@h:1/d?driver=${V}"
        parsed = parse_url(url, name="a", variable=lambda _: value)
        assert parsed.username == f"u{value}"
        assert parsed.password is not None
        assert parsed.password.get_secret_value() == f"a@{value}"
        assert parsed.host == "h"
        assert parsed.driver == value.strip().removeprefix("{").removesuffix("}")

    def test_a_whole_url_may_be_one_variable(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = load_config(write("databases: {a: {url: '${PW}'}}"))
        monkeypatch.setenv("PW", "postgresql://u:p%40@h/d")
        assert config.database("a").where == "postgresql://h/d"
        monkeypatch.setenv("PW", SECRET)
        with pytest.raises(ConfigError, match=r"databases\.a\.url: not a database URL") as caught:
            config.database("a")
        assert SECRET not in str(caught.value)

    def test_literal_secrets_are_told(self, write: Callable[[str], Path]) -> None:
        path = write(
            "databases:\n  a: {url: 'mssql://u:hunter2@h/d'}\n  b: {url: 'mssql://u:${PW}@h/d'}\n"
            "  c: {host: h, database: d, username: u, password: hunter2}\n"
        )
        lines = load_config(path).literal_secrets()
        assert [line.split(":")[0] for line in lines] == ["databases.a.url", "databases.c.password"]
        assert SECRET not in "".join(lines)


class TestUrl:
    def test_sqlalchemy_forms(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        read = DatabaseSettings.from_url
        assert read("sqlite:///a/b.db").database == str(tmp_path / "a" / "b.db")
        assert read("sqlite://").database == read("sqlite:///:memory:").database == ":memory:"
        postgres = read("postgresql+psycopg://u@[::1]:5433/d%20b?sslmode=require&connect_timeout=3")
        assert (postgres.host, postgres.port, postgres.database) == ("::1", 5433, "d b")
        assert dict(postgres.options) == {"sslmode": "require"}
        assert (postgres.connect_timeout, postgres.driver, postgres.password) == (
            3,
            "psycopg",
            None,
        )
        mssql = read(
            "mssql+pyodbc://u:p%40%2F@h/d?driver=ODBC+Driver+18+for+SQL+Server"
            "&Encrypt=strict&TrustServerCertificate=yes&MARS_Connection=yes"
        )
        assert mssql.driver == "ODBC Driver 18 for SQL Server"
        assert (mssql.encrypt, mssql.trust_server_certificate) == ("strict", True)
        assert dict(mssql.options) == {"MARS_Connection": "yes"}
        assert read("mssql+mssqlpython://u:p@h/d").driver == "mssql-python"
        assert read("mssql://h/d?trusted_connection=yes").trusted_connection
        assert read("mssql://h/d?Authentication=ActiveDirectoryMsi").username is None
        assert read("postgresql:///d").host is None

    def test_agrees_with_sqlalchemy(self) -> None:
        from sqlalchemy import make_url

        for url in ("postgresql://u:p%25w@h:1/d", "mssql://a:b%3Ac@h.x/d", "mysql://u:@h/d"):
            ours, theirs = DatabaseSettings.from_url(url), make_url(url)
            assert (ours.host, ours.port, ours.database) == (
                theirs.host,
                theirs.port,
                theirs.database,
            )
            assert ours.password is not None
            assert ours.password.get_secret_value() == theirs.password

    def test_errors_do_not_quote_it(self) -> None:
        for url in ("hunter2", "mssql://u:hunter2@/d", "mssql://u:hunter2@h:x/d", "x://hunter2"):
            with pytest.raises(ConfigError) as caught:
                DatabaseSettings.from_url(url, name="a")
            assert SECRET not in str(caught.value)


class TestMonday:
    TEXT = "databases: {}\napis:\n  monday:\n    sample: true\n    boards: {planning: {id: 12, columns: {a: b}}}\n"

    def test_sample_until_there_is_a_token(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = load_config(write(self.TEXT))
        monday = config.monday()
        assert (monday.sample, monday.token, monday.url) == (
            True,
            None,
            "https://api.monday.com/v2",
        )
        assert monday.boards["planning"].id == "12"
        assert monday.boards["planning"].columns == {"a": "b"}
        monkeypatch.setenv("MONDAY_API_TOKEN", SECRET)
        monday = config.monday()
        assert not monday.sample
        assert monday.token is not None
        assert monday.token.get_secret_value() == SECRET
        assert SECRET not in repr(monday)

    def test_another_server_needs_a_token(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = load_config(write(self.TEXT))
        monkeypatch.setenv("MONDAY_API_URL", "http://127.0.0.1:1/v2")
        with pytest.raises(ConfigError, match=r"apis\.monday\.token: the environment variable MONDAY_API_TOKEN is not set"):  # fmt: skip
            config.monday()
        monkeypatch.setenv("MONDAY_API_TOKEN", "t")
        assert config.monday().url == "http://127.0.0.1:1/v2"

    def test_no_sample_needs_a_token(self, write: Callable[[str], Path]) -> None:
        config = load_config(write(self.TEXT.replace("true", "false")))
        with pytest.raises(ConfigError, match="MONDAY_API_TOKEN is not set"):
            config.monday()
        config = load_config(write(self.TEXT.replace("sample: true", "token: null")))
        with pytest.raises(ConfigError, match=r"apis\.monday\.token: is missing"):
            config.monday()

    def test_section_missing(self, write: Callable[[str], Path]) -> None:
        with pytest.raises(ConfigError, match=r"apis\.monday is missing"):
            load_config(write("databases: {}")).monday()


class TestShippedFiles:
    def test_schema_is_true(self) -> None:
        stored = json.loads((ROOT / "config.schema.json").read_text(encoding="utf-8"))
        assert stored == json_schema(), "run: python -m etl.config > config.schema.json"
        jsonschema.Draft202012Validator.check_schema(stored)
        first = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=config.schema.json"

    def test_config_fits_schema_and_loads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = (ROOT / "config.yaml").read_text(encoding="utf-8")
        jsonschema.validate(yaml.safe_load(text), json_schema())
        config = load_config(ROOT / "config.yaml")
        assert config.databases == ("orders", "distribution", "warehouse")
        assert {config.database(name).engine for name in config.databases} == {"sqlite"}
        assert config.missing_variables() == ()
        assert config.monday().sample
        prod = load_config(ROOT / "config.yaml", "prod")
        assert len(prod.missing_variables()) == 7
        for line in prod.missing_variables():
            monkeypatch.setenv(line.split("variable ")[1].split()[0], "x")
        assert {prod.database(name).engine for name in prod.databases} == {"mssql"}
        assert not prod.monday().sample

    @pytest.mark.parametrize(
        "wrong",
        [
            {"databases": {"a": {"ulr": "x"}}},
            {"databases": {"a": {"host": "h"}}},
            {"databases": {"a": {"url": "sqlite://", "host": "h"}}},
            {"databases": {}, "profiles": {"p": {"databases": {"a": {"port": 0}}}}},
            {"databases": {}, "apis": {"monday": {"boards": {"b": {}}}}},
        ],
    )
    def test_schema_finds_mistakes(self, wrong: object) -> None:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, json_schema())

    def test_import_is_light(self) -> None:
        code = (
            "import sys, etl.config as c; c.load_config(sys.argv[1]).database('orders');"
            "print(sorted({'pandas','polars','sqlalchemy','pyarrow','httpx'} & set(sys.modules)))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code, str(ROOT / "config.yaml")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert run.stdout.strip() == "[]"
