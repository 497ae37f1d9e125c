"""Kestra's own words, as data: types and their properties, and what each major version takes.

Read in Kestra's sources and documentation, 1.x up to 2.0. A property's kind is a name that
:mod:`etl.kestra._structure` knows, or the tuple of the words that it may be.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "FLOW",
    "INPUT",
    "INPUT_TYPES",
    "MOVED",
    "NAMESPACE_FILES",
    "ONLY",
    "OUTPUT",
    "PARTS",
    "REMOVED",
    "REQUIRED",
    "RETRIES",
    "RUNNERS",
    "SCRIPTS",
    "TASK",
    "TASKS",
    "TRIGGER",
    "TRIGGERS",
    "Kind",
]

Kind = str | tuple[str, ...]
Properties = dict[str, Kind]

_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
_CORE: Final = "io.kestra.plugin.core"

FLOW: Final[Properties] = {
    "id": "flow-id",
    "namespace": "namespace",
    "description": "text",
    "labels": "labels",
    "inputs": "inputs",
    "outputs": "outputs",
    "variables": "map",
    "tasks": "tasks",
    "errors": "tasks",
    "finally": "tasks",
    "afterExecution": "tasks",
    "triggers": "triggers",
    "disabled": "bool",
    "concurrency": "concurrency",
    "retry": "retry",
    "sla": "slas",
    "checks": "checks",
    "workerGroup": "map",
}

TASK: Final[Properties] = {
    "id": "id",
    "type": "text",
    "version": "text",
    "description": "text",
    "retry": "retry",
    "timeout": "duration",
    "disabled": "bool",
    "workerGroup": "map",
    "logLevel": _LEVELS,
    "logToFile": "bool",
    "allowFailure": "bool",
    "allowWarning": "bool",
    "runIf": "any",
    "when": "any",
    "taskCache": "map",
}

TRIGGER: Final[Properties] = {
    "id": "id",
    "type": "text",
    "version": "text",
    "description": "text",
    "disabled": "bool",
    "workerGroup": "map",
    "logLevel": _LEVELS,
    "logToFile": "bool",
    "labels": "labels",
    "stopAfter": "texts",
    "allowConcurrent": "bool",
    "failOnTriggerError": "bool",
    "conditions": "any",
    "when": "any",
}

_SCRIPT: Final[Properties] = {
    "beforeCommands": "texts",
    "containerImage": "text",
    "taskRunner": "runner",
    "env": "env",
    "namespaceFiles": "namespace-files",
    "inputFiles": "any",
    "outputFiles": "any",
    "outputDirectory": "bool",
    "interpreter": "texts",
    "failFast": "bool",
    "targetOS": ("LINUX", "WINDOWS", "AUTO"),
}
_PYTHON: Final[Properties] = {
    "dependencies": "texts",
    "dependencyCacheEnabled": "bool",
    "packageManager": ("PIP", "UV"),
    "pythonVersion": "any",
}
_HTTP: Final[Properties] = {
    "uri": "text",
    "method": ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"),
    "body": "text",
    "formData": "map",
    "contentType": "text",
    "headers": "map",
    "params": "map",
    "options": "map",
}
_BRANCH: Final[Properties] = {"tasks": "tasks", "errors": "tasks", "finally": "tasks"}
_VALUES: Final[Properties] = {**_BRANCH, "values": "any", "concurrencyLimit": "int"}

SCRIPTS: Final = frozenset(
    f"io.kestra.plugin.scripts.{language}.{kind}"
    for language in ("python", "shell")
    for kind in ("Commands", "Script")
)

TASKS: Final[dict[str, Properties]] = {
    "io.kestra.plugin.scripts.python.Commands": {**_SCRIPT, **_PYTHON, "commands": "texts"},
    "io.kestra.plugin.scripts.python.Script": {**_SCRIPT, **_PYTHON, "script": "text"},
    "io.kestra.plugin.scripts.shell.Commands": {**_SCRIPT, "commands": "texts"},
    "io.kestra.plugin.scripts.shell.Script": {**_SCRIPT, "script": "text"},
    f"{_CORE}.http.Request": {**_HTTP, "encryptBody": "bool"},
    f"{_CORE}.http.Download": {**_HTTP, "saveAs": "text", "failOnEmptyResponse": "bool"},
    f"{_CORE}.log.Log": {"message": "any", "level": _LEVELS},
    f"{_CORE}.debug.Return": {"format": "text"},
    f"{_CORE}.output.OutputValues": {"values": "map"},
    f"{_CORE}.execution.Fail": {"condition": "text", "errorMessage": "text", "errorLogs": "bool"},
    f"{_CORE}.execution.Exit": {"state": ("SUCCESS", "WARNING", "KILLED", "FAILED", "CANCELLED")},
    f"{_CORE}.execution.Labels": {"labels": "labels"},
    f"{_CORE}.kv.Set": {
        "key": "text",
        "value": "any",
        "namespace": "text",
        "kvDescription": "text",
        "overwrite": "bool",
        "ttl": "duration",
        "kvType": "text",
    },
    f"{_CORE}.kv.Get": {"key": "text", "namespace": "text", "errorOnMissing": "bool"},
    f"{_CORE}.flow.Sleep": {"duration": "duration"},
    f"{_CORE}.flow.Pause": {
        "pauseDuration": "duration",
        "onPause": "any",
        "onResume": "inputs",
        "behavior": ("RESUME", "WARN", "CANCEL", "FAIL"),
        "errors": "tasks",
        "finally": "tasks",
    },
    f"{_CORE}.flow.Subflow": {
        "namespace": "namespace",
        "flowId": "text",
        "revision": "int",
        "inputs": "map",
        "labels": "labels",
        "wait": "bool",
        "transmitFailed": "bool",
        "inheritLabels": "bool",
        "scheduleDate": "text",
        "restartBehavior": ("RETRY_FAILED", "NEW_EXECUTION"),
    },
    f"{_CORE}.flow.If": {
        "condition": "any",
        "then": "tasks",
        "else": "tasks",
        "errors": "tasks",
        "finally": "tasks",
    },
    f"{_CORE}.flow.Switch": {
        "value": "text",
        "cases": "cases",
        "defaults": "tasks",
        "errors": "tasks",
        "finally": "tasks",
    },
    f"{_CORE}.flow.Parallel": {**_BRANCH, "concurrent": "int"},
    f"{_CORE}.flow.Sequential": _BRANCH,
    f"{_CORE}.flow.AllowFailure": _BRANCH,
    f"{_CORE}.flow.Dag": {**_BRANCH, "tasks": "dag", "concurrent": "int"},
    f"{_CORE}.flow.WorkingDirectory": {
        **_BRANCH,
        "namespaceFiles": "namespace-files",
        "inputFiles": "any",
        "outputFiles": "any",
        "cache": "map",
    },
    f"{_CORE}.flow.LoopUntil": {
        **_BRANCH,
        "condition": "any",
        "checkFrequency": "map",
        "failOnMaxReached": "bool",
    },
    f"{_CORE}.flow.ForEach": _VALUES,
    f"{_CORE}.flow.ForEachItem": {
        "items": "any",
        "batch": "map",
        "namespace": "namespace",
        "flowId": "text",
        "revision": "int",
        "inputs": "map",
        "labels": "labels",
        "wait": "bool",
        "transmitFailed": "bool",
        "inheritLabels": "bool",
        "errors": "tasks",
    },
    f"{_CORE}.flow.Loop": {
        **_VALUES,
        "transmitFailed": "bool",
        "outputs": "outputs",
        "fetchType": ("AUTO", "FETCH", "STORE"),
        "breakWhen": "text",
    },
}

_DATES: Final[Properties] = {
    "timezone": "time-zone",
    "inputs": "map",
    "lateMaximumDelay": "duration",
    "recoverMissedSchedules": ("ALL", "LAST", "NONE"),
}
TRIGGERS: Final[dict[str, Properties]] = {
    f"{_CORE}.trigger.Schedule": {**_DATES, "cron": "cron", "withSeconds": "bool"},
    f"{_CORE}.trigger.ScheduleOnDates": {**_DATES, "dates": "texts"},
    f"{_CORE}.trigger.Webhook": {
        "key": "text",
        "inputs": "map",
        "wait": "bool",
        "returnOutputs": "bool",
        "responseContentType": "text",
    },
    f"{_CORE}.trigger.Flow": {"inputs": "map", "states": "texts", "preconditions": "map"},
}

RUNNERS: Final[dict[str, Properties]] = {
    f"{_CORE}.runner.Process": {},
    "io.kestra.plugin.scripts.runner.docker.Docker": {
        "pullPolicy": ("ALWAYS", "IF_NOT_PRESENT", "NEVER"),
        "host": "text",
        "config": "any",
        "credentials": "map",
        "user": "text",
        "entryPoint": "texts",
        "extraHosts": "texts",
        "networkMode": "text",
        "portBindings": "texts",
        "volumes": "texts",
        "cpu": "map",
        "memory": "map",
        "shmSize": "text",
        "privileged": "bool",
        "deviceRequests": "any",
        "fileHandlingStrategy": ("VOLUME", "MOUNT"),
        "delete": "bool",
        "wait": "bool",
        "resumable": "bool",
        "killGracePeriod": "duration",
    },
}

NAMESPACE_FILES: Final[Properties] = {
    "enabled": "bool",
    "include": "texts",
    "exclude": "texts",
    "namespaces": "texts",
    "ifExists": ("OVERWRITE", "FAIL", "WARN", "IGNORE"),
    "folderPerNamespace": "bool",
}

_ATTEMPTS: Final[Properties] = {
    "type": ("constant", "exponential", "random"),
    "behavior": ("RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"),
    "maxAttempts": "int",
    "maxDuration": "duration",
    "warningOnRetry": "bool",
}
RETRIES: Final[dict[str, tuple[Properties, tuple[str, ...]]]] = {
    "constant": ({**_ATTEMPTS, "interval": "duration"}, ("interval",)),
    "exponential": (
        {**_ATTEMPTS, "interval": "duration", "maxInterval": "duration", "delayFactor": "number"},
        ("interval", "maxInterval"),
    ),
    "random": (
        {**_ATTEMPTS, "minInterval": "duration", "maxInterval": "duration"},
        ("minInterval", "maxInterval"),
    ),
}
"""A retry's type: its properties, and those that it needs."""

PARTS: Final[dict[str, tuple[Properties, tuple[str, ...]]]] = {
    "concurrency": ({"limit": "int", "behavior": ("QUEUE", "CANCEL", "FAIL")}, ("limit",)),
    "sla": (
        {
            "id": "id",
            "type": ("MAX_DURATION", "EXECUTION_ASSERTION"),
            "duration": "duration",
            "assert": "text",
            "behavior": ("FAIL", "CANCEL", "NONE"),
            "labels": "labels",
        },
        ("id", "type", "behavior"),
    ),
    "check": (
        {
            "condition": "text",
            "when": "text",
            "message": "text",
            "behavior": ("BLOCK_EXECUTION", "FAIL_EXECUTION", "CREATE_EXECUTION"),
            "style": ("ERROR", "SUCCESS", "WARNING", "INFO"),
        },
        ("message",),
    ),
}
"""Parts of a flow that are no tasks: their properties, and those that they need."""

INPUT_TYPES: Final = (
    "STRING INT FLOAT BOOL SELECT MULTISELECT DATETIME DATE TIME DURATION FILE JSON YAML URI "
    "SECRET EMAIL ARRAY"
)
INPUT: Final[Properties] = {
    "id": "id",
    "type": "text",
    "description": "text",
    "displayName": "text",
    "required": "bool",
    "defaults": "any",
    "prefill": "any",
    "dependsOn": "map",
    "validator": "text",
    "min": "any",
    "max": "any",
    "after": "any",
    "before": "any",
    "values": "any",
    "expression": "text",
    "allowCustomValue": "bool",
    "autoSelectFirst": "bool",
    "isRadio": "bool",
    "itemType": "text",
    "accept": "texts",
    "allowedFileExtensions": "texts",
}
OUTPUT: Final[Properties] = {
    "id": "id",
    "type": "text",
    "value": "any",
    "description": "text",
    "displayName": "text",
    "required": "bool",
}

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "flow": ("id", "namespace", "tasks"),
    "task": ("id", "type"),
    "trigger": ("id", "type"),
    "input": ("id", "type"),
    "output": ("id", "type", "value"),
    "io.kestra.plugin.scripts.python.Commands": ("commands",),
    "io.kestra.plugin.scripts.python.Script": ("script",),
    "io.kestra.plugin.scripts.shell.Commands": ("commands",),
    "io.kestra.plugin.scripts.shell.Script": ("script",),
    f"{_CORE}.http.Request": ("uri",),
    f"{_CORE}.http.Download": ("uri",),
    f"{_CORE}.log.Log": ("message",),
    f"{_CORE}.output.OutputValues": ("values",),
    f"{_CORE}.execution.Labels": ("labels",),
    f"{_CORE}.kv.Set": ("key", "value"),
    f"{_CORE}.kv.Get": ("key",),
    f"{_CORE}.flow.Sleep": ("duration",),
    f"{_CORE}.flow.Subflow": ("namespace", "flowId"),
    f"{_CORE}.flow.If": ("condition", "then"),
    f"{_CORE}.flow.Switch": ("value",),
    f"{_CORE}.flow.Parallel": ("tasks",),
    f"{_CORE}.flow.Sequential": ("tasks",),
    f"{_CORE}.flow.AllowFailure": ("tasks",),
    f"{_CORE}.flow.Dag": ("tasks",),
    f"{_CORE}.flow.WorkingDirectory": ("tasks",),
    f"{_CORE}.flow.LoopUntil": ("condition", "tasks"),
    f"{_CORE}.flow.ForEach": ("values", "tasks"),
    f"{_CORE}.flow.ForEachItem": ("items", "namespace", "flowId"),
    f"{_CORE}.flow.Loop": ("values", "tasks"),
    f"{_CORE}.trigger.Schedule": ("cron", "timezone"),
    f"{_CORE}.trigger.ScheduleOnDates": ("dates", "timezone"),
    f"{_CORE}.trigger.Webhook": ("key",),
}
"""What each part and type needs. A schedule's time zone is our own rule: the default is the server's."""

ONLY: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("flow", "pluginDefaults"): ("1", "put each property on the task itself"),
    ("flow", "taskDefaults"): ("", "put each property on the task itself"),
    ("task", "pluginDefaultsRef"): ("1", "put each property on the task itself"),
    ("task", "runIf"): ("1", "1.x and 2.x share an If task: io.kestra.plugin.core.flow.If"),
    ("task", "when"): ("2", "1.x and 2.x share an If task: io.kestra.plugin.core.flow.If"),
    ("trigger", "conditions"): ("1", "say it in the cron expression, or in an If task"),
    ("trigger", "when"): ("2", "say it in the cron expression, or in an If task"),
    ("check", "when"): ("2", "both read `condition`"),
}
"""(where, property): the only major version that takes it, and what to write instead."""

_FLOW_TYPES: Final = f"{_CORE}.flow"
MOVED: Final[dict[str, tuple[str, str]]] = {
    f"{_FLOW_TYPES}.ForEach": ("1", "2.x has io.kestra.plugin.core.flow.Loop; for both, write the tasks out or call a Subflow"),
    f"{_FLOW_TYPES}.ForEachItem": ("1", "2.x has io.kestra.plugin.core.flow.Loop; for both, call a Subflow"),
    f"{_FLOW_TYPES}.Loop": ("2", "1.x has io.kestra.plugin.core.flow.ForEach; for both, write the tasks out or call a Subflow"),
    f"{_FLOW_TYPES}.EachSequential": ("", "write the tasks out in io.kestra.plugin.core.flow.Sequential"),
    f"{_FLOW_TYPES}.EachParallel": ("", "write the tasks out in io.kestra.plugin.core.flow.Parallel"),
    f"{_FLOW_TYPES}.Template": ("", "call a io.kestra.plugin.core.flow.Subflow"),
    f"{_FLOW_TYPES}.WaitFor": ("", "write io.kestra.plugin.core.flow.LoopUntil"),
}  # fmt: skip
"""type: the only major version that has it ('' for none), and what to write instead."""

REMOVED: Final[dict[tuple[str, str], str]] = {
    ("flow", "timeout"): "a flow has none: put it on the task, or write `sla: [{id: duration, type: MAX_DURATION, duration: PT1H, behavior: FAIL}]`",
    ("flow", "revision"): "Kestra counts revisions itself: leave it out",
    ("flow", "deleted"): "leave it out: a flow is deleted on the server",
    ("flow", "listeners"): "they are gone: write `errors:`, or a flow with a Flow trigger",
    ("flow", "templates"): "they are gone: call a Subflow",
    ("flow", "schedule"): "write `triggers:` with a io.kestra.plugin.core.trigger.Schedule",
    ("flow", "cron"): "write `triggers:` with a io.kestra.plugin.core.trigger.Schedule",
    ("flow", "env"): "it belongs to a task",
    ("flow", "assets"): "the open-source edition refuses it: leave it out",
    ("task", "assets"): "the open-source edition refuses it: leave it out",
    ("trigger", "assets"): "the open-source edition refuses it: leave it out",
    ("task", "dependencies"): "it installs before namespace files are there and puts no command on PATH: install in `beforeCommands`",
    ("task", "runner"): "write `taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}`, or io.kestra.plugin.core.runner.Process",
    ("task", "docker"): "write `containerImage:`, and the rest in `taskRunner:`",
    ("task", "image"): "write `containerImage:`",
    ("task", "warningOnStdErr"): "it is gone: what stands on stderr does not change the state",
    ("trigger", "scheduleConditions"): "say it in the cron expression",
    ("trigger", "backfill"): "start one in Kestra's page of triggers",
    ("trigger", "interval"): "write `cron:`",
    ("retry", "maxAttempt"): "write `maxAttempts:`; the first run counts",
    ("input", "name"): "write `id:`",
}  # fmt: skip
"""(where, property) that neither version takes, and what to write instead."""
