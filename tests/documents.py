"""The documents as tests see them: code blocks, tables, links, and the parts that are generated.

``python -m tests.documents`` writes the generated parts anew, from the code that they describe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from etl.contracts.board_groups import BoardGroups
from etl.contracts.board_planning import BoardPlanning
from etl.contracts.describe import describe
from etl.io.monday.cell_formats import CELL_FORMATS
from etl.io.sql_types import DIALECTS, ddl_type, read_dtype
from etl.jobs import list_jobs
from etl.samples import SampleBoard
from etl.scaffold import jobs_table
from tests.reference import reference

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DOCUMENTS",
    "GENERATORS",
    "ROOT",
    "Block",
    "anchors",
    "blocks",
    "generated",
    "matches",
    "rows_below",
]

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks/README.md")  # fmt: skip

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"<!-- file: (\S+) -->\s*$")
_GENERATED = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str
    line: int
    """Of its first line, from 1."""
    follows: bool
    """Nothing but blank lines stands between it and the block before it."""
    file: str | None
    """The file that the block is, where the document says so."""


def blocks(text: str) -> list[Block]:
    """Find the fenced blocks of a Markdown text, in order."""
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        follows = bool(found) and not text[end : match.start()].strip()
        line = text.count("\n", 0, match.start("text")) + 1
        file = _FILE.search(text, end, match.start())
        named = file[1] if file else None
        found.append(Block(match["language"], match["text"], line, follows, named))
        end = match.end()
    return found


def matches(expected: str, actual: str) -> bool:
    """Compare output: ``...`` stands for anything in a line, and alone for any lines.

    A table is as wide as what is in it, a slow run's time for one: widths are not compared.

    >>> matches("run ...: 5 rows\\n...\\nend", "run 7f: 5 rows\\na\\nb\\nend")
    True
    >>> matches("5 rows", "6 rows")
    False
    """
    lines = [_squeezed(line) for line in expected.strip("\n").splitlines()]
    pattern = "".join(
        r"(?:[^\n]*\n)*?"
        if line.strip() == "..."
        else r"[^\n]*".join(re.escape(part) for part in line.split("...")) + r"\n"
        for line in lines
    )
    text = "".join(f"{_squeezed(line)}\n" for line in actual.strip("\n").splitlines())
    return re.fullmatch(pattern, text) is not None


def _squeezed(line: str) -> str:
    return re.sub(r"─+", "─", re.sub(r"(?<=\S) {2,}", "  ", line.rstrip()))


def rows_below(text: str, heading: str) -> list[list[str]]:
    """The body of the first table below a heading: its cells, row by row."""
    _, _, rest = text.partition(f"\n{heading}\n")
    assert rest, f"no heading {heading!r}"
    lines = rest.split("\n#")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def anchors(text: str) -> set[str]:
    """The names that headings can be linked by, as GitHub makes them."""
    prose = _FENCE.sub("", text)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# What is generated


_DTYPES: tuple[tuple[str, pl.DataType, int | None], ...] = (
    *((str(dtype), dtype(), None) for dtype in (pl.Int8, pl.Int16, pl.Int32, pl.Int64)),
    *((str(dtype), dtype(), None) for dtype in (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)),
    *((str(dtype), dtype(), None) for dtype in (pl.Float32, pl.Float64)),
    ("Decimal(12, 2)", pl.Decimal(12, 2), None),
    ("Boolean", pl.Boolean(), None),
    ("String", pl.String(), None),
    ("String, at most 50", pl.String(), 50),
    ("Categorical, Enum", pl.Categorical(), 50),
    ("Binary", pl.Binary(), None),
    ("Date", pl.Date(), None),
    ("Time", pl.Time(), None),
    ("Datetime", pl.Datetime("us"), None),
    ("Datetime, UTC", pl.Datetime("us", "UTC"), None),
    ("Duration", pl.Duration("us"), None),
)


def types_table() -> str:
    """The type table: what each dtype becomes, and what comes back where that is another one."""
    lines = [
        "| dtype | SQLite | PostgreSQL | SQL Server | DuckDB | MariaDB |",
        "|---|---|---|---|---|---|",
    ]
    for label, dtype, length in _DTYPES:
        cells = [_type_cell(dtype, dialect, length) for dialect in DIALECTS]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _type_cell(dtype: pl.DataType, dialect: str, length: int | None) -> str:
    declared = ddl_type(dtype, dialect, length=length).partition(" CHARACTER SET")[0]
    numbers = [int(number) for number in re.findall(r"\d+", declared.partition("(")[2])]
    precision, scale = (*numbers, None, None)[:2]
    name = declared.partition("(")[0].strip()
    back = read_dtype(name, dialect, precision=precision, scale=scale)
    assert back is not None
    same = back == dtype
    return f"`{declared}`" if same else f"`{declared}` → {_short(back)}"


def _short(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"Decimal({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "Datetime, UTC" if dtype.time_zone else "Datetime"
    return str(dtype)


def planning_table() -> str:
    """The columns of ``board_planning``, and what of the board each one comes from."""
    board = SampleBoard().columns
    lines = ["| column | type | board column | what is taken |", "|---|---|---|---|"]
    for column in describe(BoardPlanning):
        size = f", at most {column.max_length}" if column.max_length else ""
        null = "" if column.nullable else ", never null"
        source, taken = "the item itself", ""
        if "board_column" in column.metadata:
            board_id = str(column.metadata["board_column"])
            source = f"`{board_id}` ({board[board_id].type})"
            if "part" in column.metadata:
                taken = f"its `{column.metadata['part']}`"
            elif column.metadata.get("list") == "json":
                taken = "the list, as JSON"
            elif column.metadata.get("changed_at"):
                taken = "the date of its last change"
        kind = f"{_short(column.dtype)}{size}{null}"
        lines.append(f"| `{column.name}` | {kind} | {source} | {taken} |")
    return "\n".join(lines) + "\n"


def groups_table() -> str:
    """The columns of ``board_groups``."""
    lines = ["| column | type |", "|---|---|"]
    for column in describe(BoardGroups):
        key = ", key" if column.primary_key else ""
        null = "" if column.nullable else ", never null"
        lines.append(f"| `{column.name}` | {_short(column.dtype)}{key or null} |")
    return "\n".join(lines) + "\n"


def formats_table() -> str:
    """Which values each type of board column takes."""
    words = {
        "text": "text", "number": "number", "flag": "Boolean", "date": "Date",
        "datetime": "Datetime with a zone", "time": "Time", "names": "list of texts",
        "ids": "list of whole numbers", "dates": "list of two Dates",
    }  # fmt: skip
    lines = ["| type of column | takes | in an import |", "|---|---|---|"]
    for name, known in CELL_FORMATS.items():
        takes = ", ".join(words[kind] for kind in known.takes)
        lines.append(f"| {name} | {takes} | {'yes' if known.csv else 'no'} |")
    return "\n".join(lines) + "\n"


GENERATORS: dict[str, Callable[[], str]] = {
    "jobs": lambda: jobs_table(list_jobs()),
    "types": types_table,
    "board-planning": planning_table,
    "board-groups": groups_table,
    "cell-formats": formats_table,
    "reference": reference,
}


def generated(text: str) -> str:
    """A document's text with its generated parts as they should be."""
    return _GENERATED.sub(lambda found: found[1] + GENERATORS[found["name"]]() + found[3], text)


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(generated(document.read_text(encoding="utf-8")), encoding="utf-8")
