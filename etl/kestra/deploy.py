"""What a deployment does: the wheel and config.yaml first, then the flows; all of it, or nothing.

What is deployed is what stands in the folder of flows, rendered or written by people: checked here
and by the server, with the wheel that they name replaced by the one of the sources as they are.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from etl.config._yaml import parse_yaml
from etl.errors import ConfigError
from etl.kestra._tasks import texts
from etl.kestra.check import check_flows, find_flows
from etl.kestra.files import difference, generated_flows, stale_flows
from etl.kestra.render import wheel_name
from etl.kestra.snapshots import find_snapshots, save_snapshot
from etl.kestra.state import Change, Item, NotPutBackError, apply, read
from etl.kestra.wheel import OURS, build_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from etl.config import Config
    from etl.io.kestra import KestraClient
    from etl.kestra.snapshots import Snapshot
    from etl.kestra.wheel import Wheel

__all__ = ["Plan", "deploy", "live_differences", "plan_deployment"]

_DIST: Final = "/dist"
_CONFIG: Final = "/config.yaml"


@dataclass(frozen=True)
class Plan:
    """What a deployment will do, in the order in which it does it."""

    changes: tuple[Change, ...]
    root: Path = field(repr=False)
    """The project's directory, below which snapshots are kept."""
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Change, ...]:
        """The changes that are some."""
        return tuple(change for change in self.changes if change.what != "unchanged")


def plan_deployment(
    config: Config,
    folder: Path,
    client: KestraClient,
    *,
    target: str = "both",
    allow_warnings: bool = False,
    build: Callable[[], Wheel] = build_wheel,
) -> Plan:
    """Check everything, build the wheel, and find out what is to be changed; nothing is changed.

    Parameters
    ----------
    config
        The configuration with the profile that flows run with.
    folder
        The folder of flows.
    client
        The server.
    target
        The major version of Kestra that flows are checked for.
    allow_warnings
        What the server warns of, or calls deprecated, is noted and does not stop the deployment.
    build
        Builds the wheel.

    Raises
    ------
    ConfigError
        The configuration holds a secret, a flow is not as it is rendered, breaks a rule, or is
        refused by the server.
    EtlError
        The wheel can't be built, or the server failed.
    """
    flows = _flows(config, folder, target)
    wheel = build() if any(wheel_name() in text for text in flows.values()) else None
    wanted: dict[Item, bytes] = {}
    sources: dict[str, str] = {}
    for source, text in flows.items():
        named = wheel.put_into(text) if wheel else text
        flow = _parsed(text, source)
        item = Item("flow", str(flow["namespace"]), str(flow["id"]))
        wanted[item] = named.encode()
        sources[source] = named
        wanted |= _files(flow, item.namespace, config, wheel)
    notes = _validate(client, sources, allow_warnings=allow_warnings)
    ordered = sorted(wanted, key=lambda item: (("folder", "file", "flow").index(item.kind), item))
    changes = [_change(client, item, wanted[item]) for item in ordered]
    changes += _old_wheels(client, changes, wheel)
    return Plan(tuple(changes), config.path.parent, tuple(notes))


def deploy(
    plan: Plan,
    client: KestraClient,
    *,
    now: dt.datetime | None = None,
    sleep: Callable[[float], object] = time.sleep,
    advance: Callable[[int, int], object] = lambda _done, _total: None,
) -> Snapshot | None:
    """Do what was planned, with a snapshot of what it replaces; None where there is nothing to do.

    Raises
    ------
    EtlError
        It failed half way, or somebody else has changed something since the plan; the server holds
        what it held before.
    ConfigError
        An earlier deployment was cut off and not rolled back, or no snapshot can be kept.
    """
    if not plan.changed:
        return None
    unfinished = [kept.name for kept in find_snapshots(plan.root) if kept.status == "started"]
    if unfinished:
        raise ConfigError(
            f"the deployment {unfinished[-1]} was cut off: `etl flows rollback {unfinished[-1]}` "
            "puts back what was there before it; deploy after that"
        )
    snapshot = save_snapshot(plan.root, client.where, plan.changed, now or dt.datetime.now(dt.UTC))
    try:
        apply(client, plan.changed, sleep=sleep, advance=advance)
    except NotPutBackError:
        raise  # and can be rolled back still
    except BaseException:
        snapshot.marked("restored")
        raise
    return snapshot.marked("done")


def _flows(config: Config, folder: Path, target: str) -> dict[str, str]:
    secrets = config.literal_secrets()
    if secrets:
        raise ConfigError.of([*secrets, "config.yaml is sent to Kestra: no secret may stand in it"])
    flows = find_flows([folder])
    stale = stale_flows(folder, generated_flows(config, target=target), complete=True)
    if stale:
        names = [diff.splitlines()[0].removeprefix("--- ") for diff in stale]
        raise ConfigError(
            f"not as the jobs and config.yaml give them now: {', '.join(names)}; `etl flows diff` "
            "shows it, `etl flows render` writes them: commit that, and deploy what was reviewed"
        )
    findings = check_flows(flows, target=target, config=config)
    if findings:
        raise ConfigError.of([config.redact(str(finding)) for finding in findings])
    return flows


def _parsed(text: str, source: str) -> Mapping[str, Any]:
    flow = parse_yaml(text, source).value
    if not isinstance(flow, dict):
        raise ConfigError(f"{source}: a flow is a mapping")
    return flow


def _files(
    flow: Mapping[str, Any], namespace: str, config: Config, wheel: Wheel | None
) -> dict[Item, bytes]:
    """The files of its namespace that a flow takes along, of those that a deployment brings."""
    included = {text for path, text in texts(flow) if "include" in path}
    found: dict[Item, bytes] = {}
    if wheel is not None and f"{_DIST}/{wheel_name()}" in included:
        found[Item("folder", namespace, _DIST)] = b""
        found[Item("file", namespace, f"{_DIST}/{wheel.name}")] = wheel.content
    if _CONFIG in included:
        try:
            found[Item("file", namespace, _CONFIG)] = config.path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{config.path}: can't be read: {error.strerror}") from None
    return found


def _validate(
    client: KestraClient, sources: Mapping[str, str], *, allow_warnings: bool
) -> list[str]:
    """Ask the server about every flow; what it only warns of is told too, and stops as well."""
    refused: list[str] = []
    warned: list[str] = []
    for source, text in sources.items():
        verdict = client.validate(text)
        refused += [f"{source}: {client.where} refuses it: {said}" for said in verdict.constraints]
        warned += [f"{source}: {client.where} warns: {said}" for said in verdict.warnings]
        warned += [f"{source}: {client.where} calls {said} deprecated" for said in verdict.deprecations]  # fmt: skip
    if refused or (warned and not allow_warnings):
        hint = [] if refused else ["--allow-warnings deploys nevertheless"]
        raise ConfigError.of([*refused, *warned, *hint])
    return warned


def _change(client: KestraClient, item: Item, content: bytes) -> Change:
    before = read(client, item)
    if item.kind == "file" and OURS.fullmatch(item.name.rpartition("/")[2]) and before.content:
        # Its name is the hash of its sources: whatever tool packed it, it is the same.
        return Change(item, before, before.content)
    return Change(item, before, content)


def _old_wheels(
    client: KestraClient, changes: Iterable[Change], wheel: Wheel | None
) -> list[Change]:
    """Remove wheels of this package that no flow names.

    A wheel stays as long as a flow of whatever namespace names it, or did before the deployment
    that last changed a flow: an execution that is queued or tried again runs the revision that it
    began with.
    """
    changes = list(changes)
    if wheel is None or all(c.what == "unchanged" for c in changes if c.item.kind == "flow"):
        return []
    namespaces = sorted({c.item.namespace for c in changes if c.item.kind == "folder" and c.before.content is not None})  # fmt: skip
    found = {
        Item("file", namespace, f"{_DIST}/{name}")
        for namespace in namespaces
        for name in client.folder(namespace, _DIST) or ()
        if OURS.fullmatch(name) and name != wheel.name
    }
    if not found:
        return []
    named = [json.dumps(flow) for flow in client.all_flows()]
    named += [(change.before.content or b"").decode(errors="replace") for change in changes if change.item.kind == "flow"]  # fmt: skip
    unused = [
        item for item in sorted(found) if not any(item.name[len(_DIST) + 1 :] in text for text in named)
    ]  # fmt: skip
    return [Change(item, read(client, item), None) for item in unused]


def live_differences(folder: Path, client: KestraClient) -> list[str]:
    """A unified diff for each flow in a folder that is not what the server has of it."""
    found = []
    for source, text in find_flows([folder]).items():
        flow = _parsed(text, source)
        live = client.flow(str(flow.get("namespace")), str(flow.get("id")))
        old = live.source if live else ""
        found.append(difference(old, text, old_name=f"{client.where}", new_name=source))
    return [text for text in found if text]
