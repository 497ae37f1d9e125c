"""monday.com: its boards as frames.

::

    reader          what a job names: the items or the groups of a board
    mapping         which board columns a contract's columns are
    pages, boards   all items, page after page; columns and groups
    cells           from cells to typed columns, by the table in column_types
    client          one request, repeated while that can help (errors, limits)
    documents       the queries
    sample          a transport that answers them for the generated board
"""

from __future__ import annotations

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())
