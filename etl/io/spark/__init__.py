"""Spark: a session for a run, and frames as it takes them."""

from __future__ import annotations
