"""monday.com: its boards as frames.

::

    reader          what a job names: the items, the subitems or the groups of a board
    writer          what a job names to write: payloads, each on the board exactly once
    mapping         which board columns a contract's columns are
    pages, boards   all items, page after page; columns and groups
    cells           from cells to typed columns, by the table in column_types
    cell_formats    from values to cells, by the table beside it
    client          one request, repeated while that can help (errors, limits)
    documents       the queries and mutations
    sample          a transport that answers for the generated board
    sample_board    one for the board that can be written, over board_store
"""

from __future__ import annotations

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())
