"""The server: Kestra's flow and namespace-file endpoints over the standard library's HTTP server.

What it answers was read in Kestra's controllers: status codes, YAML in and JSON out, revisions that
only a changed source makes, folders that come with files and stay behind, validation that answers
200 whatever it finds.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["FAULTS", "Asked", "KestraServer"]

FAULTS = {
    "error": "answers 500 and does nothing",
    "unavailable": "answers 503 with a page of HTML, and does nothing",
    "denied": "answers 401 and does nothing",
    "dropped": "closes the connection and does nothing",
    "done-dropped": "does it, and closes the connection",
    "done-error": "does it, and answers 502",
    "done-garbled": "does it, and answers with half of its answer; with none, or no success, closes the connection",
}
"""What can be switched on for a request, and what the server does then."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Asked:
    """A request that came: its number from 1, method, path and query, and the answer's status."""

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    status: int | None


@dataclass
class _Reply:
    status: int = 200
    body: bytes = b""
    kind: str = "application/json"


class _RefusedError(Exception):
    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status


@dataclass
class KestraServer:
    """The peer. It runs as long as the ``with`` block.

    ``verdicts`` are what validation says of a flow, by its id. ``before`` is called with the number
    of each request before it is answered: somebody else at work.
    """

    username: str | None = "etl@example.com"
    password: str | None = "peer-password-9c1e"
    token: str | None = None
    tenant: str = "main"
    flows: dict[Key, list[str | None]] = field(default_factory=dict)
    """Every revision of a flow, from 1; None where it was deleted."""
    files: dict[Key, bytes] = field(default_factory=dict)
    folders: set[Key] = field(default_factory=set)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)
    """The JSON schema of flows."""
    asked: list[Asked] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request, beside ``asked``."""
    faults: dict[int, str] = field(default_factory=dict)
    """The number of a request, and the name of one of FAULTS."""
    before: Callable[[int, str, str], object] = lambda _number, _method, _path: None

    def __enter__(self) -> Self:
        peer = self
        self._lock = threading.Lock()
        self._count = 0

        class Handler(_Handler):
            server_peer = peer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def holds(self) -> tuple[dict[Key, str], dict[Key, bytes], set[Key]]:
        """Everything that is on the server now: sources of flows, files, folders."""
        live = {key: revisions[-1] for key, revisions in self.flows.items()}
        sources = {key: source for key, source in live.items() if source is not None}
        return sources, dict(self.files), set(self.folders)

    def save(self, namespace: str, name: str, source: str) -> int:
        """Save a flow, as somebody does in the browser; gives its revision."""
        revisions = self.flows.setdefault((namespace, name), [])
        if not revisions or revisions[-1] != source:
            revisions.append(source)
        return len(revisions)

    def put(self, namespace: str, path: str, content: bytes) -> None:
        """Put a file, with the folders above it."""
        self.files[namespace, path] = content
        parts = path.strip("/").split("/")[:-1]
        self.folders |= {(namespace, "/" + "/".join(parts[: at + 1])) for at in range(len(parts))}

    # Requests

    def _number(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def _answer(self, method: str, path: str, query: dict[str, str], request: _Request) -> _Reply:
        if not self._allowed(request.headers.get("Authorization")):
            return _Reply(401)
        prefix = f"/api/v1/{self.tenant}/"
        if not path.startswith(prefix):
            return _refused(404, "Not Found")
        rest = [unquote(part) for part in path.removeprefix(prefix).split("/")]
        try:
            match [method, *rest]:
                case ["GET", "flows", "search"]:
                    return self._search(query)
                case ["GET", "plugins", "schemas", "flow"]:
                    return _json(self.schema)
                case ["POST", "flows", "validate"]:
                    return self._validate(request.yaml())
                case ["POST", "flows"]:
                    return self._create(request.yaml())
                case ["GET", "flows", namespace, name]:
                    return self._flow(namespace, name, query)
                case ["GET", "flows", namespace, name, "revisions"]:
                    return self._revisions(namespace, name)
                case ["PUT", "flows", namespace, name]:
                    return self._update(namespace, name, request.yaml())
                case ["DELETE", "flows", namespace, name]:
                    return self._delete(namespace, name)
                case [_, "namespaces", namespace, "files"]:
                    return self._file(method, namespace, query["path"], request)
                case ["GET", "namespaces", namespace, "files", "directory"]:
                    return self._folder(namespace, query["path"])
                case ["POST", "flows", _]:
                    return self._bulk(rest[1], query)
        except _RefusedError as error:
            return _refused(error.status, str(error))
        except KeyError as error:
            return _refused(400, f"Required argument {error} not specified")
        return _refused(404, "Not Found")

    def _allowed(self, header: str | None) -> bool:
        if self.token is not None and header == f"Bearer {self.token}":
            return True
        if self.username is None:
            return self.token is None
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return header == f"Basic {pair}"

    # Flows

    def _live(self, namespace: str, name: str) -> str | None:
        return self.flows.get((namespace, name), [None])[-1]

    def _reply(self, namespace: str, name: str, source: str, revision: int) -> _Reply:
        parsed = yaml.safe_load(source)
        found = {
            **parsed,
            "id": name,
            "namespace": namespace,
            "revision": revision,
            "deleted": False,
            "source": source,
        }
        return _json(found)

    def _flow(self, namespace: str, name: str, query: dict[str, str]) -> _Reply:
        revisions = self.flows.get((namespace, name), [])
        revision = int(query.get("revision", len(revisions)))
        source = revisions[revision - 1] if 0 < revision <= len(revisions) else None
        if source is None:
            raise _RefusedError(404, "Not Found")
        if query.get("source") != "true":
            return _json({**yaml.safe_load(source), "revision": revision})
        return self._reply(namespace, name, source, revision)

    def _revisions(self, namespace: str, name: str) -> _Reply:
        found = self.flows.get((namespace, name), [])
        return _json([{"revision": at, "source": text} for at, text in enumerate(found, 1) if text])

    def _create(self, source: str) -> _Reply:
        flow = _flow_of(source)
        if self._live(flow["namespace"], flow["id"]) is not None:
            raise _RefusedError(422, "Illegal flow: flow.id: Flow id already exists")
        revision = self.save(flow["namespace"], flow["id"], source)
        return self._reply(flow["namespace"], flow["id"], source, revision)

    def _update(self, namespace: str, name: str, source: str) -> _Reply:
        if self._live(namespace, name) is None:
            raise _RefusedError(404, "Not Found")
        flow = _flow_of(source)
        if (flow["namespace"], flow["id"]) != (namespace, name):
            raise _RefusedError(422, "Illegal flow update: flow.id")
        return self._reply(namespace, name, source, self.save(namespace, name, source))

    def _delete(self, namespace: str, name: str) -> _Reply:
        if self._live(namespace, name) is None:
            raise _RefusedError(404, "Not Found")
        self.flows[namespace, name].append(None)
        return _Reply(204)

    def _search(self, query: dict[str, str]) -> _Reply:
        page, size = int(query.get("page", 1)), int(query.get("size", 10))
        live = sorted(self.holds()[0].items())
        results = [
            {**yaml.safe_load(text), "revision": 1}
            for _, text in live[(page - 1) * size : page * size]
        ]
        return _json({"results": results, "total": len(live)})

    def _validate(self, source: str) -> _Reply:
        verdict: dict[str, Any] = {"index": 0, "constraints": None, "outdated": False}
        verdict |= {"deprecationPaths": [], "warnings": [], "infos": []}
        try:
            flow = _flow_of(source)
        except _RefusedError as error:
            return _json([{**verdict, "constraints": str(error)}])
        verdict |= {"flow": flow["id"], "namespace": flow["namespace"]}
        return _json([{**verdict, **self.verdicts.get(flow["id"], {})}])

    def _bulk(self, namespace: str, query: dict[str, str]) -> _Reply:
        if query.get("delete", "true") == "true":
            for key in [key for key in self.flows if key[0] == namespace]:
                self.flows[key].append(None)
        return _json([])

    # Namespace files

    def _file(self, method: str, namespace: str, path: str, request: _Request) -> _Reply:
        key = (namespace, path)
        if method == "POST":
            name, content = request.upload("fileContent")
            if name.endswith(".zip"):
                raise _RefusedError(500, "the peer does not unpack")
            self.put(namespace, path, content)
            return _Reply(200)
        below = {
            other
            for other in {*self.files, *self.folders}
            if other[0] == namespace and other[1].startswith(f"{path}/")
        }
        if key not in self.files and not (method == "DELETE" and key in self.folders):
            raise _RefusedError(404, f"File not found: {path}")
        if method == "GET":
            return _Reply(200, self.files[key], "application/octet-stream")
        for other in {key, *below}:
            self.files.pop(other, None)
            self.folders.discard(other)
        return _Reply(204)

    def _folder(self, namespace: str, path: str) -> _Reply:
        if (namespace, path) not in self.folders:
            raise _RefusedError(404, f"Directory not found: {path}")
        inside = [
            (other, kind)
            for kind, found in (("File", self.files), ("Directory", self.folders))
            for space, other in found
            if space == namespace and other.rpartition("/")[0] == path
        ]
        return _json([{"fileName": name.rpartition("/")[2], "type": kind} for name, kind in inside])


@dataclass
class _Request:
    headers: Any
    body: bytes

    def yaml(self) -> str:
        if self.headers.get("Content-Type", "").split(";")[0] != "application/x-yaml":
            raise _RefusedError(415, "Content Type not allowed")
        return self.body.decode()

    def upload(self, name: str) -> tuple[str, bytes]:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            raise _RefusedError(415, "Content Type not allowed")
        message = BytesParser(policy=HTTP).parsebytes(
            f"Content-Type: {kind}\r\n\r\n".encode() + self.body
        )
        for part in message.iter_parts():
            if part.get_param("name", header="content-disposition") == name:
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                return str(part.get_filename()), content
        raise _RefusedError(400, f"Required argument [{name}] not specified")


class _Handler(BaseHTTPRequestHandler):
    server_peer: KestraServer
    protocol_version = "HTTP/1.1"
    # An answer in one piece: two would wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        peer = self.server_peer
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        number = peer._number()
        peer.before(number, self.command, address.path)
        fault = peer.faults.get(number)
        reply: _Reply | None = None
        if fault is None or fault.startswith("done"):
            with peer._lock:
                reply = peer._answer(
                    self.command, address.path, query, _Request(self.headers, body)
                )
        if fault is not None:
            reply = _spoilt(fault, reply)
        peer.headers.append(dict(self.headers.items()))
        peer.asked.append(Asked(number, self.command, address.path, query, reply and reply.status))
        if reply is None:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the library's names


def _spoilt(fault: str, reply: _Reply | None) -> _Reply | None:
    if fault == "error":
        return _refused(500, "Internal Server Error")
    if fault == "unavailable":
        return _Reply(503, b"<html>try again later</html>", "text/html")
    if fault == "denied":
        return _Reply(401)
    if fault == "done-error":
        return _Reply(502, b"<html>Bad Gateway</html>", "text/html")
    if fault == "done-garbled" and reply is not None and reply.body and reply.status < 400:
        return _Reply(reply.status, reply.body[: len(reply.body) // 2], reply.kind)
    return None


def _flow_of(source: str) -> dict[str, Any]:
    try:
        flow = yaml.safe_load(source)
    except yaml.YAMLError:
        raise _RefusedError(422, "Illegal flow source: it is no YAML") from None
    if not isinstance(flow, dict) or not re.fullmatch(r"[a-zA-Z0-9][\w.-]*", str(flow.get("id"))):
        raise _RefusedError(422, "Illegal flow: flow.id: must not be null")
    return flow


def _json(value: Any) -> _Reply:
    return _Reply(200, json.dumps(value, default=str).encode())


def _refused(status: int, message: str) -> _Reply:
    return _Reply(status, json.dumps({"message": message}).encode())
