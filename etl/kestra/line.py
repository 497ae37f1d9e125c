"""Reading what a run has told Kestra, as Kestra does."""

from __future__ import annotations

import json
import re
from typing import Any

from etl.errors import EtlError

__all__ = ["read_result"]

_LINE = re.compile(r"^::(\{.*\})::$", re.MULTILINE)


def read_result(stdout: str) -> dict[str, Any]:
    """The outputs of the one line that a task's stdout has for them.

    Raises
    ------
    EtlError
        There is no such line, or several.

    Examples
    --------
    >>> read_result('hello\\n::{"outputs": {"status": "done"}}::\\n')
    {'status': 'done'}
    """
    told = [json.loads(found[1]) for found in _LINE.finditer(stdout)]
    outputs: list[dict[str, Any]] = [one["outputs"] for one in told if "outputs" in one]
    if len(outputs) != 1:
        raise EtlError(f"{len(outputs)} lines of outputs for Kestra, and one is expected")
    return outputs[0]
