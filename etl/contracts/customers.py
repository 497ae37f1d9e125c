"""What a frame of customer names looks like: one row a name that somebody uses for a customer."""

from __future__ import annotations

import dataframely as dy

from etl.contracts.text import Text

__all__ = ["CustomerNames"]


class CustomerNames(dy.Schema):
    """One row a name: the customer's own, and every alias.

    ``alias_key`` is :func:`etl.contracts.keys.name_key` of the name, so that the same name is there
    once however it is written.
    """

    alias_key = dy.String(primary_key=True, min_length=1)
    customer = Text(min_length=1, max_length=255)
    """The canonical name."""
    style_fields = dy.String(min_length=1)
    """The fields that hold the customer's style, first first, joined by a comma."""
