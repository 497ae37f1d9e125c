"""The JSON schema that editors check config.yaml with, made from the models that load it.

``python -m etl.config > config.schema.json`` writes it; a test keeps the file true.
"""

from __future__ import annotations

import copy
from typing import Any

from etl.config._models import ConfigFile

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """Build the schema of a whole file: the top level, and profiles as parts of it.

    >>> schema = json_schema()
    >>> sorted(schema["properties"]), schema["required"]
    (['apis', 'databases', 'engine', 'kestra', 'profiles', 'spark'], ['databases'])
    """
    schema = ConfigFile.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    # A profile holds any part of the top level: the same shapes, nothing required.
    for name in list(definitions):
        definitions[f"{name}Overlay"] = _overlay(definitions[name])
    top = {"properties": schema["properties"], "type": "object", "additionalProperties": False}
    definitions["Profile"] = {**_overlay(top), "description": "What differs in this profile."}
    schema["properties"]["profiles"] = {
        "type": "object",
        "description": "name -> what is laid over the top level: `etl --profile NAME`, ETL_PROFILE",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Profile"}, {"type": "null"}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "config.yaml of etl",
        "description": "Databases and APIs; ${NAME} is an environment variable.",
    }


def _overlay(schema: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = _loosen(copy.deepcopy(schema))
    return result


def _loosen(node: Any) -> Any:
    if isinstance(node, list):
        return [_loosen(item) for item in node]
    if not isinstance(node, dict):
        return node
    loose: dict[str, Any] = {}
    for key, value in node.items():
        if key == "required":
            continue
        if key == "$ref":
            loose[key] = f"{value}Overlay"
        else:
            # A part of an entry may fit both forms, which `oneOf` would refuse.
            loose["anyOf" if key == "oneOf" else key] = _loosen(value)
    return loose
