"""What every entry of config.yaml is made from."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Entry", "Text"]

Text = Annotated[str, Field(min_length=1)]


class Entry(BaseModel):
    """A mapping of known keys; its values are in no error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False
    )
