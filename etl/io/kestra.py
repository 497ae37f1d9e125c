"""Kestra's REST API, as far as deployments need it: flows, namespace files, validation.

Nothing is repeated here: whoever deploys decides what a failure means. Bulk endpoints are not
used: they delete what is not sent.

Source: https://kestra.io/docs/api-reference/open-source
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import httpx
from pydantic_core import from_json

from etl.errors import ConfigError, EtlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from etl.config import KestraSettings

__all__ = ["KestraClient", "KestraError", "LiveFlow", "Verdict", "fetch"]

_YAML: Final = {"Content-Type": "application/x-yaml"}
_PAGE: Final = 100
_MOST_TOLD: Final = 500


class KestraError(EtlError):
    """The server refused, failed, or did not answer; ``status`` is its HTTP status, if it has one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class LiveFlow:
    """A flow on the server: its source as it was sent, and its revision."""

    source: str
    revision: int


@dataclass(frozen=True)
class Verdict:
    """What the server thinks of a flow; a wrong type may be a mere warning."""

    constraints: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    deprecations: tuple[str, ...] = ()


class KestraClient:
    """Speaks with one tenant of a server. Close it, or use it as a context manager.

    Parameters
    ----------
    settings
        Where the server is, and the login.
    timeout
        Seconds that connecting, and each wait for data, may take.

    Raises
    ------
    ConfigError
        The login can't be one. It is in no message.
    """

    def __init__(self, settings: KestraSettings, *, timeout: float = 60.0) -> None:
        self._secrets = [
            secret.get_secret_value() for secret in (settings.password, settings.token) if secret
        ]
        try:
            self._http = httpx.Client(
                base_url=f"{settings.url}/api/v1/{quote(settings.tenant, safe='')}/",
                timeout=timeout,
                **_login(settings),
            )
        except httpx.InvalidURL as error:
            raise ConfigError(f"Kestra's URL can't be read ({error}): set KESTRA_URL") from None
        self.where = f"Kestra ({httpx.URL(settings.url).netloc.decode()})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def __repr__(self) -> str:
        return f"KestraClient({self.where!r})"

    # Flows

    def flow(self, namespace: str, name: str, revision: int | None = None) -> LiveFlow | None:
        """A flow's source, the latest or a revision of it; None where there is no such flow."""
        params: dict[str, Any] = {"source": "true"}
        if revision is not None:
            params["revision"] = revision
        answer = self._send("GET", _flow(namespace, name), params=params, missing_is_none=True)
        return None if answer is None else self._live(answer)

    def create_flow(self, source: str) -> LiveFlow:
        """Create a flow; one that exists is an error."""
        return self._live(self._send("POST", "flows", content=source.encode(), headers=_YAML))

    def update_flow(self, namespace: str, name: str, source: str) -> LiveFlow:
        """Save a flow's source; one that does not exist is an error."""
        content = source.encode()
        return self._live(self._send("PUT", _flow(namespace, name), content=content, headers=_YAML))

    def delete_flow(self, namespace: str, name: str) -> None:
        """Delete a flow; that it is gone already is no error."""
        self._send("DELETE", _flow(namespace, name), missing_is_none=True)

    def validate(self, source: str) -> Verdict:
        """Ask what the server thinks of a flow."""
        answer = self._send("POST", "flows/validate", content=source.encode(), headers=_YAML)
        found = self._json(answer)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self._no_api()
        return Verdict(
            # 1.x has a text of them, 2.x a list of mappings.
            constraints=tuple(self._redacted(text) for item in found for name in ("constraints", "errors") for text in _texts(item, name)),
            warnings=tuple(self._redacted(text) for item in found for text in _texts(item, "warnings")),
            deprecations=tuple(self._redacted(text) for item in found for text in _texts(item, "deprecationPaths")),
        )  # fmt: skip

    def all_flows(self) -> Iterator[Mapping[str, Any]]:
        """Every flow of the tenant as the server parsed it, page by page."""
        page, seen, total = 1, 0, 1
        while seen < total:
            answer = self._send("GET", "flows/search", params={"page": page, "size": _PAGE})
            found = self._json(answer)
            if not isinstance(found, dict) or not isinstance(found.get("results"), list):
                raise self._no_api()
            yield from found["results"]
            if not found["results"]:
                return
            page, seen, total = page + 1, seen + len(found["results"]), int(found.get("total") or 0)

    # Namespace files

    def file(self, namespace: str, path: str) -> bytes | None:
        """A file's content; None where there is no such file."""
        answer = self._send("GET", _files(namespace), params={"path": path}, missing_is_none=True)
        return None if answer is None else answer.content

    def put_file(self, namespace: str, path: str, content: bytes) -> None:
        """Create a file, with the folders above it, or replace its content."""
        name = path.rpartition("/")[2]
        files = {"fileContent": (name, content, "application/octet-stream")}
        self._send("POST", _files(namespace), params={"path": path}, files=files)

    def delete_file(self, namespace: str, path: str) -> None:
        """Delete a file, or a folder with all that is in it; that it is gone is no error."""
        self._send("DELETE", _files(namespace), params={"path": path}, missing_is_none=True)

    def folder(self, namespace: str, path: str) -> tuple[str, ...] | None:
        """The names in a folder; None where there is no such folder."""
        address = f"{_files(namespace)}/directory"
        answer = self._send("GET", address, params={"path": path}, missing_is_none=True)
        if answer is None:
            return None
        found = self._json(answer)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self._no_api()
        return tuple(sorted(str(item.get("fileName")) for item in found))

    # Requests and answers

    def _send(
        self, method: str, address: str, *, missing_is_none: bool = False, **options: Any
    ) -> Any:
        try:
            answer = self._http.request(method, address, **options)
        except httpx.UnsupportedProtocol as error:
            raise ConfigError(f"{self.where}: {error}: set KESTRA_URL") from None
        except httpx.RequestError as error:
            text = self._redacted(str(error) or type(error).__name__)
            raise KestraError(f"{self.where}: no answer to {method} {address}: {text}") from None
        if answer.status_code == httpx.codes.NOT_FOUND and missing_is_none:
            return None
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise ConfigError(
                f"{self.where} refused the login: set KESTRA_USERNAME and KESTRA_PASSWORD, "
                "or KESTRA_API_TOKEN"
            )
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise ConfigError(f"{self.where}: the login may not {method} {address}: ask for the right to")  # fmt: skip
        if not answer.is_success:
            told = self._message(answer)
            raise KestraError(
                f"{self.where} answered {method} {address} with {answer.status_code}{told}",
                status=answer.status_code,
            )
        return answer

    def _message(self, answer: httpx.Response) -> str:
        try:
            body = from_json(answer.content)
        except ValueError:
            return "" if answer.status_code >= httpx.codes.BAD_REQUEST else ": is kestra.url right?"
        # From 2.x on errors are problem documents (RFC 9457): `detail`.
        message = body.get("message") or body.get("detail") if isinstance(body, dict) else None
        return f": {self._redacted(str(message))[:_MOST_TOLD]}" if message else ""

    def _live(self, answer: httpx.Response) -> LiveFlow:
        found = self._json(answer)
        if not isinstance(found, dict) or not isinstance(found.get("revision"), int):
            raise self._no_api()
        return LiveFlow(str(found.get("source") or ""), found["revision"])

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return from_json(answer.content)
        except ValueError:
            raise self._no_api() from None

    def _no_api(self) -> KestraError:
        return KestraError(f"{self.where} answered with something that is none of Kestra's answers: is kestra.url right?")  # fmt: skip

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def fetch(url: str, settings: KestraSettings | None) -> str:
    """Get a text from an address; the login goes along to the configured server only.

    Raises
    ------
    EtlError
        It can't be had.
    """
    ours = settings is not None and url.startswith(f"{settings.url}/")
    try:
        options = _login(settings) if ours and settings else {}
        answer = httpx.get(url, timeout=60.0, follow_redirects=not ours, **options)
        answer.raise_for_status()
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise EtlError(f"{url}: no answer: {str(error) or type(error).__name__}") from None
    except httpx.HTTPStatusError as error:
        raise EtlError(f"{url}: answered with {error.response.status_code}") from None
    return answer.text


def _login(settings: KestraSettings) -> dict[str, Any]:
    secret = settings.token or settings.password
    text = secret.get_secret_value() if secret else ""
    # httpx would quote a header value that it can't send in its error: ours does not.
    if not text.isprintable() or (settings.token and (" " in text or not text.isascii())):
        name = "KESTRA_API_TOKEN" if settings.token else "KESTRA_PASSWORD"
        raise ConfigError(f"{name} holds characters that no login has; set it to the text alone")
    if settings.token:
        return {"headers": {"Authorization": f"Bearer {text}"}}
    if settings.username is not None:
        return {"auth": httpx.BasicAuth(settings.username, text)}
    return {}


def _flow(namespace: str, name: str) -> str:
    return f"flows/{quote(namespace, safe='')}/{quote(name, safe='')}"


def _files(namespace: str) -> str:
    return f"namespaces/{quote(namespace, safe='')}/files"


def _texts(item: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = item.get(name)
    if not value:
        return ()
    return tuple(_told(part) for part in value) if isinstance(value, list) else (_told(value),)


def _told(value: Any) -> str:
    """A part of a verdict in words: a text, or from 2.x on a mapping as RFC 9457 has them."""
    if not isinstance(value, dict):
        return str(value)
    said = value.get("detail") or value.get("message") or "something is wrong"
    return f"{value['path']}: {said}" if value.get("path") else str(said)
