"""A checked configuration, which hands out one database or API at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from etl.config._kestra import KestraEntry, flow_settings, server_settings
from etl.config._models import UNRESOLVED, MondayEntry, ServerEntry
from etl.config._problems import Problem, entry_problems, strings
from etl.config._redact import redact
from etl.config._references import is_reference, missing, references, substitute
from etl.config._settings import (
    BoardSettings,
    DatabaseSettings,
    FlowSettings,
    FrameEngine,
    KestraSettings,
    MondaySettings,
    SparkSettings,
)
from etl.config._spark import SparkEntry, secrets_of_spark
from etl.config._url import UrlError, parse_url
from etl.config.files import KeyPath, shown_path, suggestion
from etl.errors import ConfigError
from etl.markup import facts, paragraphs, section, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.config._merge import Merged
    from etl.config._models import BoardEntry, SubitemsEntry
    from etl.config._settings import Engine

__all__ = ["Config", "lines", "mapping"]

_TOKEN: KeyPath = ("apis", "monday", "token")


@dataclass(frozen=True)
class Config:
    """A checked configuration; environment variables are read when an entry is asked for.

    A job so needs the secrets of the databases that it uses, and no others.
    """

    path: Path
    profile: str | None
    _merged: Merged = field(repr=False)
    _lines: Mapping[KeyPath, int] = field(repr=False)

    @property
    def databases(self) -> tuple[str, ...]:
        """The names of the databases, in the file's order."""
        return tuple(mapping(self._merged.tree.get("databases")))

    def database(self, name: str) -> DatabaseSettings:
        """How to reach a database.

        Raises
        ------
        ConfigError
            There is no such database, or an environment variable that it refers to is not set.
        """
        entries = mapping(self._merged.tree.get("databases"))
        if name not in entries:
            message = f"{self._file}: no database {name!r}; {suggestion(name, entries)}"
            raise ConfigError(message, database=name)
        at = ("databases", name)
        values = mapping(entries[name])
        self._need(self._missing(values, at))
        if "url" not in values:
            return self._server(name, values, at)
        timeout = values.get("connect_timeout")
        try:
            settings = parse_url(
                str(values["url"]),
                name=name,
                directory=self.path.parent,
                variable=os.environ.__getitem__,
            )
        except UrlError as error:
            self._need([Problem(self._merged.origin((*at, "url")), (*at, "url"), str(error))])
            raise
        if timeout is None:
            return settings
        return replace(settings, connect_timeout=int(_resolved(str(timeout))))

    def _server(self, name: str, values: Mapping[str, object], at: KeyPath) -> DatabaseSettings:
        entry, problems = entry_problems(ServerEntry, _resolve(values), at, self._merged)
        self._need(problems)
        server = cast("ServerEntry", entry)
        return DatabaseSettings(
            name=name,
            engine="mssql",
            database=server.database,
            host=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            driver=server.driver.strip("{}") if server.driver else None,
            encrypt=server.encrypt or "yes",
            trust_server_certificate=bool(server.trust_server_certificate),
            trusted_connection=bool(server.trusted_connection),
            connect_timeout=server.connect_timeout or 15,
        )

    def monday(self) -> MondaySettings:
        """How to reach monday.com; ``MONDAY_API_URL`` in the environment goes before the file.

        Raises
        ------
        ConfigError
            There is no ``apis.monday``, or a token is needed and not there.
        """
        at = ("apis", "monday")
        given = mapping(mapping(self._merged.tree.get("apis")).get("monday"))
        if not given:
            raise ConfigError(f"{self._file}: apis.monday is missing; it says how to reach boards")
        values = {"token": "${MONDAY_API_TOKEN}", **given}
        url = os.environ.get("MONDAY_API_URL")
        token_missing = self._missing({"token": values["token"]}, at)
        if token_missing or values["token"] is None:
            sample, problems = entry_problems(
                MondayEntry, _resolve({**values, "token": None}), at, self._merged
            )
            self._need(problems)
            if url or not cast("MondayEntry", sample).sample:
                path = self._merged.origin(_TOKEN)
                self._need(token_missing or [Problem(path, _TOKEN, "is missing")])
            values["token"] = None
        self._need(self._missing(values, at))
        entry, problems = entry_problems(MondayEntry, _resolve(values), at, self._merged)
        self._need(problems)
        monday = cast("MondayEntry", entry)
        return MondaySettings(
            url=url or monday.url,
            token=monday.token,
            sample=monday.sample and monday.token is None,
            sample_rows=monday.sample_rows,
            api_version=monday.api_version,
            timeout=monday.timeout,
            sample_file=self.path.parent / Path(monday.sample_file).expanduser(),
            boards={
                name: replace(
                    _board(entry), subitems=_board(entry.subitems) if entry.subitems else None
                )
                for name, entry in monday.boards.items()
            },
        )

    def engine(self, name: str) -> Engine | None:
        """A database's engine, without its variables; None where the whole URL is one of them."""
        entry = mapping(mapping(self._merged.tree.get("databases")).get(name))
        if "url" not in entry:
            return "mssql"
        if is_reference(str(entry["url"])):
            return None
        return parse_url(str(entry["url"]), name=name, variable=lambda _: "1").engine

    def variables(self, databases: Iterable[str] = (), *, monday: bool = False) -> tuple[str, ...]:
        """The environment variables that these databases, and monday.com, are configured with.

        Those of Spark as well, where transforms run on it.

        A token that the sample board stands in for is not among them.

        Raises
        ------
        ConfigError
            There is no such database, or no ``apis.monday``.
        """
        entries = mapping(self._merged.tree.get("databases"))
        found: list[object] = []
        for name in databases:
            if name not in entries:
                message = f"{self._file}: no database {name!r}; {suggestion(name, entries)}"
                raise ConfigError(message, database=name)
            found.append(entries[name])
        if monday:
            given = mapping(mapping(self._merged.tree.get("apis")).get("monday"))
            if not given:
                raise ConfigError(
                    f"{self._file}: apis.monday is missing; it says how to reach boards"
                )
            values = {"token": "${MONDAY_API_TOKEN}", **given}
            if given.get("sample") is True:
                del values["token"]
            found.append(values)
        if self.frame_engine == "spark":
            found.append(self._merged.tree.get("spark"))
        names = (name for tree in found for _, text in strings(tree) for name in references(text))
        return tuple(dict.fromkeys(names))

    @property
    def flows_profile(self) -> str | None:
        """The profile that flows run with, where the configuration names one."""
        return self._kestra().profile

    @property
    def plugin_types(self) -> tuple[str, ...]:
        """Task and trigger types that flows may use besides the known ones."""
        return tuple(self._kestra().plugin_types)

    def flow(self, job: str) -> FlowSettings:
        """What the configuration says about a job's flow in Kestra; no variable is read."""
        return flow_settings(self._kestra(), job)

    def flow_jobs(self) -> dict[str, int | None]:
        """The jobs that ``kestra.jobs`` names, and the lines where it does."""
        paths = {
            name: self._merged.origin(("kestra", "jobs", name)) for name in self._kestra().jobs
        }
        return {name: self._lines.get(path) for name, path in paths.items()}

    def kestra(self) -> KestraSettings:
        """How to reach Kestra; ``KESTRA_URL`` in the environment goes before the file.

        Raises
        ------
        ConfigError
            A variable that the address refers to is not set, or half a login is.
        """
        at = ("kestra",)
        values = dict(mapping(self._merged.tree.get("kestra")))
        values["url"] = os.environ.get("KESTRA_URL") or values.get(
            "url", KestraEntry.model_fields["url"].default
        )
        self._need(self._missing({"url": values["url"]}, at))
        values["url"] = _resolved(str(values["url"]))
        entry, problems = entry_problems(KestraEntry, values, at, self._merged)
        self._need(problems)
        return server_settings(cast("KestraEntry", entry))

    @property
    def frame_engine(self) -> FrameEngine:
        """What transforms run on where a run does not say."""
        return cast("FrameEngine", self._merged.tree.get("engine") or "polars")

    def spark(self) -> SparkSettings:
        """Where Spark is; ``SPARK_REMOTE`` in the environment goes before the file.

        Raises
        ------
        ConfigError
            A variable that it refers to is not set.
        """
        at = ("spark",)
        values = dict(mapping(self._merged.tree.get("spark")))
        remote = os.environ.get("SPARK_REMOTE")
        if remote:
            values.pop("remote", None)
        self._need(self._missing(values, at))
        entry, problems = entry_problems(SparkEntry, _resolve(values), at, self._merged)
        self._need(problems)
        spark = cast("SparkEntry", entry)
        return SparkSettings(
            master=spark.master or SparkSettings.master,
            remote=remote or spark.remote,
            config=spark.config,
        )

    def _kestra(self) -> KestraEntry:
        given = mapping(self._merged.tree.get("kestra"))
        return KestraEntry.model_validate(given, context=UNRESOLVED)

    def missing_variables(self) -> tuple[str, ...]:
        """A line for every environment variable that is referred to and not set."""
        sample = mapping(mapping(self._merged.tree.get("apis")).get("monday")).get("sample")
        problems = self._missing(self._merged.tree, ())
        if sample is True and not os.environ.get("MONDAY_API_URL"):
            problems = [problem for problem in problems if problem.at != _TOKEN]
        return tuple(lines(problems, self._lines, self._file))

    def literal_secrets(self) -> tuple[str, ...]:
        """A line for every secret that is written into the file itself."""
        found: list[Problem] = []
        for at, text in strings(self._merged.tree):
            literal = bool(text) and not references(text)
            if at[0] == "spark":
                literal = literal and bool(secrets_of_spark(at, text))
            if at[-1] == "url" and at[0] == "databases" and "${" not in text:
                literal = parse_url(text, name="").password is not None
            elif at[0] != "spark" and at[-1] not in ("password", "token"):
                literal = False
            if literal:
                path = self._merged.origin(at)
                advice = "is written into the file: put it in the environment, as ${NAME}"
                found.append(Problem(path, at, f"a secret {advice}"))
        return tuple(lines(found, self._lines, self._file))

    def redact(self, text: str) -> str:
        """Put ``***`` in the place of every secret of this configuration that a text holds.

        A driver's message may quote a connection string; what is stored or printed goes through
        here first.
        """
        return redact(text, self._secrets())

    def _secrets(self) -> set[str]:
        found: set[str] = {
            os.environ.get("MONDAY_API_TOKEN", ""),
            os.environ.get("KESTRA_PASSWORD", ""),
            os.environ.get("KESTRA_API_TOKEN", ""),
            *secrets_of_spark(("spark", "remote"), os.environ.get("SPARK_REMOTE", "")),
        }
        for at, text in strings(self._merged.tree):
            if at[0] == "spark" and not missing(text, os.environ):
                found |= secrets_of_spark(at, _resolved(text))
                continue
            if at[-1] not in ("password", "token", "url") or missing(text, os.environ):
                continue
            if at[-1] != "url":
                found.add(_resolved(text))
            elif at[0] == "databases":
                with suppress(UrlError):  # then nothing was connected with it either
                    url = parse_url(text, name="", variable=os.environ.__getitem__)
                    found.add(url.password.get_secret_value() if url.password else "")
        return found - {""}

    @property
    def _file(self) -> str:
        return shown_path(self.path)

    def _repr_html_(self) -> str:
        monday = mapping(mapping(self._merged.tree.get("apis")).get("monday"))
        boards = mapping(monday.get("boards"))
        return section(
            "configuration",
            facts([("file", self.path), ("profile", self.profile or "none: the top level")]),
            table(["database", "engine", "where"], [self._shown(name) for name in self.databases]),
            table(
                ["board", "id"],
                [(name, mapping(board).get("id")) for name, board in boards.items()],
            ),
            paragraphs(self.missing_variables()),
        )

    def _shown(self, name: str) -> tuple[str, str | None, str]:
        try:
            return name, self.engine(name), self.database(name).where
        except ConfigError as error:  # a variable is not set: which one, it says
            return name, None, str(error)

    def _missing(self, tree: object, at: KeyPath) -> list[Problem]:
        return [
            Problem(
                self._merged.origin(path), path, f"the environment variable {variable} is not set"
            )
            for path, text in strings(tree, at)
            for variable in missing(text, os.environ)
        ]

    def _need(self, problems: list[Problem]) -> None:
        if problems:
            raise ConfigError.of(lines(problems, self._lines, self._file))


def _board(entry: BoardEntry | SubitemsEntry) -> BoardSettings:
    return BoardSettings(id=entry.id, key=entry.key, columns=entry.columns, sample=entry.sample)


def mapping(value: object) -> dict[str, object]:
    """The value where it is a mapping, else none at all."""
    return value if isinstance(value, dict) else {}


def _resolved(text: str) -> str:
    return substitute(text, os.environ.__getitem__)


def _resolve(values: Mapping[str, object]) -> dict[str, object]:
    def resolve(value: object) -> object:
        if isinstance(value, dict):
            return {key: resolve(item) for key, item in value.items()}
        return _resolved(value) if isinstance(value, str) else value

    return {key: resolve(value) for key, value in values.items()}


def lines(problems: Iterable[Problem], numbers: Mapping[KeyPath, int], source: str) -> list[str]:
    """A line for each problem, in the file's order, with its path and the line's number."""

    def line(problem: Problem) -> int | None:
        for cut in range(len(problem.path), 0, -1):
            if problem.path[:cut] in numbers:
                return numbers[problem.path[:cut]]
        return None

    ordered = sorted(problems, key=lambda problem: line(problem) or 0)
    return [
        f"{'.'.join(problem.path)}: {problem.message} "
        f"({source}{f':{line(problem)}' if line(problem) else ''})"
        for problem in ordered
    ]
