"""The catalogue: one static page about the jobs, their lineage, contracts, schedules and runs."""

from __future__ import annotations

from etl.catalog._collect import collect
from etl.catalog._model import Catalog
from etl.catalog._page import render
from etl.catalog._write import write_page

__all__ = ["Catalog", "collect", "render", "write_page"]
