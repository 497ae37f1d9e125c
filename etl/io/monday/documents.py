"""The query documents: constant text, one fragment a column type, values only as variables.

Nothing of a board's data or of the configuration is ever pasted into a document: which fragments
it holds depends on the column types that are asked for, and on nothing else. Asking for those
alone keeps a page of 500 items far below monday's complexity limit of a query.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BOARD", "GROUPS", "Document", "first_page", "next_page"]


@dataclass(frozen=True)
class Document:
    """A GraphQL document of one operation, and that operation's name."""

    operation: str
    text: str


BOARD: Final = Document(
    "Board",
    """query Board($board: [ID!]) {
  boards(ids: $board) { id name items_count columns { id title type archived } }
}""",
)

GROUPS: Final = Document(
    "Groups",
    """query Groups($board: [ID!]) {
  boards(ids: $board) { id name groups { id title position color archived deleted } }
}""",
)


def first_page(asked: Iterable[tuple[str | None, str]]) -> Document:
    """Write the document that opens a board: its item count, the first items and a cursor.

    Parameters
    ----------
    asked
        A (GraphQL type, fields) pair for each part that is wanted; the type is None for fields of
        every cell, whatever its type.

    Examples
    --------
    >>> print(first_page([("StatusValue", "label"), (None, "text")]).text)
    query FirstPage($board: [ID!], $limit: Int!, $columns: [String!]) {
      boards(ids: $board) {
        id
        items_count
        items_page(limit: $limit) { cursor items { ...fields } }
      }
    }
    fragment fields on Item {
      id name created_at updated_at group { id title }
      column_values(ids: $columns) {
        id
        text
        ... on StatusValue { label }
      }
    }
    """
    fragment, variable = _item_fragment(asked)
    return Document(
        "FirstPage",
        f"""query FirstPage($board: [ID!], $limit: Int!{variable}) {{
  boards(ids: $board) {{
    id
    items_count
    items_page(limit: $limit) {{ cursor items {{ ...fields }} }}
  }}
}}
{fragment}""",
    )


def next_page(asked: Iterable[tuple[str | None, str]]) -> Document:
    """Write the document for every later page, which monday counts cheaper than the first.

    Examples
    --------
    >>> print(next_page([]).text)
    query NextPage($cursor: String!, $limit: Int!) {
      next_items_page(cursor: $cursor, limit: $limit) { cursor items { ...fields } }
    }
    fragment fields on Item {
      id name created_at updated_at group { id title }
    }
    """
    fragment, variable = _item_fragment(asked)
    return Document(
        "NextPage",
        f"""query NextPage($cursor: String!, $limit: Int!{variable}) {{
  next_items_page(cursor: $cursor, limit: $limit) {{ cursor items {{ ...fields }} }}
}}
{fragment}""",
    )


def _item_fragment(asked: Iterable[tuple[str | None, str]]) -> tuple[str, str]:
    """The fields of an item, and the declaration of the variable they need."""
    by_type: dict[str | None, set[str]] = {}
    for typename, fields in asked:
        by_type.setdefault(typename, set()).add(fields)
    lines = ["fragment fields on Item {", "  id name created_at updated_at group { id title }"]
    if by_type:
        lines += ["  column_values(ids: $columns) {", "    id"]
        lines += [f"    {fields}" for fields in sorted(by_type.pop(None, ()))]
        lines += [
            f"    ... on {typename} {{ {' '.join(sorted(fields))} }}"
            for typename, fields in sorted(by_type.items(), key=lambda entry: str(entry[0]))
        ]
        lines.append("  }")
    lines.append("}")
    return "\n".join(lines), ", $columns: [String!]" if len(lines) > 3 else ""
