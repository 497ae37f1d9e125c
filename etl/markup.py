"""HTML for the objects that a notebook shows: escaped, bounded, readable on light and on dark.

No colour is set, so tables have those of the notebook around them. Nothing here knows an object: each
one's ``_repr_html_`` says what is worth seeing of it, and no secret is.
"""

from __future__ import annotations

import html
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

__all__ = ["COLUMNS", "ROWS", "TEXT", "facts", "frame_table", "paragraphs", "section", "table"]

ROWS: Final = 20
"""A table shows at most so many rows,"""
COLUMNS: Final = 12
"""so many columns,"""
TEXT: Final = 160
"""and so many characters of a value."""

_LEFT: Final = "text-align:left"  # notebooks put cells to the right


def section(title: str, *parts: str) -> str:
    """A titled part; ``parts`` are HTML, empty ones are left out.

    >>> section("a < b", paragraphs(["c"]), "")
    '<section><h4>a &lt; b</h4><p>c</p></section>'
    """
    return f"<section><h4>{_text(title)}</h4>{''.join(parts)}</section>"


def paragraphs(texts: Iterable[str]) -> str:
    """A paragraph for each text.

    >>> paragraphs(["no rows", "<b>"])
    '<p>no rows</p><p>&lt;b&gt;</p>'
    """
    return "".join(f"<p>{_text(text, limit=10 * TEXT)}</p>" for text in texts)


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """A table of two columns, a row for each name and value; None is left out.

    >>> "<th scope='row'" in facts([("rows", 3)])
    True
    >>> facts([("error", None)])
    ''
    """
    rows = "".join(
        f"<tr><th scope='row' style='{_LEFT}'>{_text(name)}</th>"
        f"<td style='{_LEFT}'>{_text(value)}</td></tr>"
        for name, value in pairs
        if value is not None
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str | None = None,
    total: int | None = None,
) -> str:
    """A table of values; what does not fit is counted below it.

    Parameters
    ----------
    headings
        The columns' names.
    rows
        The values, a sequence for each row; None is an empty cell.
    caption
        What the table is.
    total
        How many rows there are, where ``rows`` are the first of them.

    Returns
    -------
    str
        HTML; empty where there are no rows.

    Examples
    --------
    >>> made = table(["n"], [[at] for at in range(100)])
    >>> made.count("<tr>"), "80 more rows" in made
    (21, True)
    >>> table(["n"], [])
    ''
    """
    shown, left = _first(rows, ROWS)
    if total is not None:
        left = total - len(shown)
    if not shown:
        return ""
    wide = len(headings) - COLUMNS
    head = "".join(f"<th scope='col' style='{_LEFT}'>{_text(name)}</th>" for name in headings[:COLUMNS])  # fmt: skip
    body = "".join(
        "<tr>"
        + "".join(
            f"<td style='{_LEFT}'>{'' if value is None else _text(value)}</td>"
            for value in row[:COLUMNS]
        )
        + "</tr>"
        for row in shown
    )
    told = f"<caption>{_text(caption)}</caption>" if caption else ""
    more = [f"{left} more row{'s' * (left > 1)}"] if left > 0 else []
    more += [f"{wide} more column{'s' * (wide > 1)}"] if wide > 0 else []
    return f"<table>{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" + paragraphs(
        [f"and {' and '.join(more)}"] if more else []
    )


def frame_table(frame: pl.DataFrame, *, caption: str | None = None, rows: int = 5) -> str:
    """The first rows of a frame, or its columns where it has no row.

    >>> import polars as pl
    >>> "and 2 more rows" in frame_table(pl.DataFrame({"n": range(7)}))
    True
    """
    if not frame.height:
        caption = f"{caption}: " if caption else ""
        return paragraphs([f"{caption}no rows; columns {', '.join(frame.columns)}"])
    first = frame[:rows, :COLUMNS].rows()
    return table(frame.columns, first, caption=caption, total=frame.height)


def _first(rows: Iterable[Sequence[object]], limit: int) -> tuple[list[Sequence[object]], int]:
    """The first rows, and how many come after them."""
    left = iter(rows)
    return list(islice(left, limit)), sum(1 for _ in left)


def _text(value: object, *, limit: int = TEXT) -> str:
    text = str(value)
    if len(text) > limit:
        text = f"{text[: limit - 1]}…"
    return html.escape(text)
