"""Every document that is sent: constant text, one fragment a column type, values only as variables.

Nothing of a board's data or of the configuration is ever pasted into a document: which fragments
it holds depends on the column types that are asked for, and how many mutations on how many rows
are sent, and on nothing else. Asking for those types alone keeps a page of 500 items far below
monday's complexity limit of a query.

A mutation of several rows gives each an alias, ``a0``, ``a1`` ..., and numbers its variables alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BOARD",
    "CREATE_GROUP",
    "GROUPS",
    "INGEST",
    "JOB_STATUS",
    "TARGET",
    "Document",
    "change_items",
    "create_items",
    "create_subitems",
    "first_page",
    "items_by_id",
    "items_by_key",
    "next_page",
]


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

TARGET: Final = Document(
    "Target",
    """query Target($board: [ID!]) {
  boards(ids: $board) {
    id name items_count
    columns { id title type archived settings }
    groups { id title position color archived deleted }
  }
}""",
)

CREATE_GROUP: Final = Document(
    "CreateGroup",
    """mutation CreateGroup($board: ID!, $title: String!) {
  a0: create_group(board_id: $board, group_name: $title) { id }
}""",
)

INGEST: Final = Document(
    "Ingest",
    """mutation Ingest($board: ID!, $group: ID!, $match: OnMatchInput) {
  a0: ingest_items(board_id: $board, group_id: $group, on_match: $match) { job_id upload_url }
}""",
)

JOB_STATUS: Final = Document(
    "JobStatus",
    """query JobStatus($job: ID!) {
  fetch_job_status(job_id: $job) {
    ... on ItemsJobStatus {
      status progress_percentage failure_reason failure_message fully_imported
      counts { submitted invalid skipped created updated failed }
    }
  }
}""",
)


def first_page(asked: Iterable[tuple[str | None, str]], *, parents: bool = False) -> Document:
    """Write the document that opens a board: its item count, the first items and a cursor.

    Parameters
    ----------
    asked
        A (GraphQL type, fields) pair for each part that is wanted; the type is None for fields of
        every cell, whatever its type.
    parents
        Ask for each item's parent too: they are subitems.

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
    fragment, variable = _item_fragment(asked, parents=parents)
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


def next_page(asked: Iterable[tuple[str | None, str]], *, parents: bool = False) -> Document:
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
    fragment, variable = _item_fragment(asked, parents=parents)
    return Document(
        "NextPage",
        f"""query NextPage($cursor: String!, $limit: Int!{variable}) {{
  next_items_page(cursor: $cursor, limit: $limit) {{ cursor items {{ ...fields }} }}
}}
{fragment}""",
    )


def items_by_key(asked: Iterable[tuple[str | None, str]], *, parents: bool = False) -> Document:
    """Write the document that finds items by the values of a column.

    Examples
    --------
    >>> print(items_by_key([]).text.partition("fragment")[0].strip())
    query ItemsByKey($board: ID!, $keys: [ItemsPageByColumnValuesQuery!]!, $limit: Int!) {
      items_page_by_column_values(board_id: $board, columns: $keys, limit: $limit) {
        cursor items { ...fields }
      }
    }
    """
    fragment, variable = _item_fragment(asked, parents=parents)
    return Document(
        "ItemsByKey",
        f"""query ItemsByKey($board: ID!, $keys: [ItemsPageByColumnValuesQuery!]!, $limit: Int!{variable}) {{
  items_page_by_column_values(board_id: $board, columns: $keys, limit: $limit) {{
    cursor items {{ ...fields }}
  }}
}}
{fragment}""",
    )


def items_by_id(asked: Iterable[tuple[str | None, str]], *, parents: bool = False) -> Document:
    """Write the document that reads the active items of some ids, and which board they are on.

    Examples
    --------
    >>> print(items_by_id([]).text.partition("fragment")[0].strip())
    query ItemsById($ids: [ID!], $limit: Int!) {
      items(ids: $ids, limit: $limit, exclude_nonactive: true) { board { id } ...fields }
    }
    """
    fragment, variable = _item_fragment(asked, parents=parents)
    return Document(
        "ItemsById",
        f"""query ItemsById($ids: [ID!], $limit: Int!{variable}) {{
  items(ids: $ids, limit: $limit, exclude_nonactive: true) {{ board {{ id }} ...fields }}
}}
{fragment}""",
    )


@cache
def create_items(count: int) -> Document:
    """Write the document that creates so many items.

    Examples
    --------
    >>> print(create_items(1).text)
    mutation CreateItems($board: ID!, $labels: Boolean, $group0: String!, $name0: String!, $cells0: JSON!) {
      a0: create_item(board_id: $board, group_id: $group0, item_name: $name0, column_values: $cells0, create_labels_if_missing: $labels) { id }
    }
    """
    return _mutation(
        "CreateItems",
        "$board: ID!, $labels: Boolean",
        "$group{0}: String!, $name{0}: String!, $cells{0}: JSON!",
        "create_item(board_id: $board, group_id: $group{0}, item_name: $name{0}, "
        "column_values: $cells{0}, create_labels_if_missing: $labels)",
        count,
    )


@cache
def create_subitems(count: int) -> Document:
    """Write the document that creates so many subitems, each below an item of its own.

    Examples
    --------
    >>> print(create_subitems(1).text)
    mutation CreateSubitems($labels: Boolean, $parent0: ID!, $name0: String!, $cells0: JSON!) {
      a0: create_subitem(parent_item_id: $parent0, item_name: $name0, column_values: $cells0, create_labels_if_missing: $labels) { id }
    }
    """
    return _mutation(
        "CreateSubitems",
        "$labels: Boolean",
        "$parent{0}: ID!, $name{0}: String!, $cells{0}: JSON!",
        "create_subitem(parent_item_id: $parent{0}, item_name: $name{0}, "
        "column_values: $cells{0}, create_labels_if_missing: $labels)",
        count,
    )


@cache
def change_items(count: int) -> Document:
    """Write the document that changes cells of so many items; ``name`` among the cells renames.

    Examples
    --------
    >>> print(change_items(1).text)
    mutation ChangeItems($board: ID!, $labels: Boolean, $item0: ID!, $cells0: JSON!) {
      a0: change_multiple_column_values(board_id: $board, item_id: $item0, column_values: $cells0, create_labels_if_missing: $labels) { id }
    }
    """
    return _mutation(
        "ChangeItems",
        "$board: ID!, $labels: Boolean",
        "$item{0}: ID!, $cells{0}: JSON!",
        "change_multiple_column_values(board_id: $board, item_id: $item{0}, "
        "column_values: $cells{0}, create_labels_if_missing: $labels)",
        count,
    )


def _mutation(operation: str, common: str, own: str, field: str, count: int) -> Document:
    variables = ", ".join([common, *(own.format(index) for index in range(count))])
    fields = "\n".join(f"  a{index}: {field.format(index)} {{ id }}" for index in range(count))
    return Document(operation, f"mutation {operation}({variables}) {{\n{fields}\n}}")


def _item_fragment(asked: Iterable[tuple[str | None, str]], *, parents: bool) -> tuple[str, str]:
    """The fields of an item, and the declaration of the variable they need."""
    by_type: dict[str | None, set[str]] = {}
    for typename, fields in asked:
        by_type.setdefault(typename, set()).add(fields)
    lines = ["fragment fields on Item {", "  id name created_at updated_at group { id title }"]
    if parents:
        lines.append("  parent_item { id }")
    asked_for = bool(by_type)
    if asked_for:
        lines += ["  column_values(ids: $columns) {", "    id"]
        lines += [f"    {fields}" for fields in sorted(by_type.pop(None, ()))]
        lines += [
            f"    ... on {typename} {{ {' '.join(sorted(fields))} }}"
            for typename, fields in sorted(by_type.items(), key=lambda entry: str(entry[0]))
        ]
        lines.append("  }")
    lines.append("}")
    return "\n".join(lines), ", $columns: [String!]" if asked_for else ""
