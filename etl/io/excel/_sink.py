"""Workbooks in a folder: each replaced as a whole, and left alone where nothing changed."""

from __future__ import annotations

import filecmp
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import ContractError, LoadError
from etl.io.excel._book import write_book
from etl.io.excel._names import file_names
from etl.io.files import SinkReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from etl.io.excel._layout import Book, Sheet
    from etl.io.sink import WriteContext

__all__ = ["Workbooks"]


@dataclass(frozen=True, kw_only=True)
class Workbooks:
    """Writes workbooks of the frames that a transform gives by name.

    Parameters
    ----------
    directory
        Where they go; a relative one starts at config.yaml's folder.
    books
        What they are.
    """

    directory: str
    books: tuple[Book, ...]

    def write(self, frames: Mapping[str, pl.DataFrame], context: WriteContext) -> SinkReport:
        """Write every workbook; one whose content stays the same is left untouched.

        Raises
        ------
        ContractError
            A frame or a column that a sheet shows is missing; nothing was written.
        LoadError
            A file could not be written. The one that is there is the old one, or the new one.
        """
        self._check(frames)
        folder = context.config.path.parent / self.directory
        written: list[Path] = []
        unchanged: list[Path] = []
        todo = list(self._files(frames))
        for done, (name, book, rows) in enumerate(todo):
            context.progress("workbooks", done, len(todo))
            path = folder / f"{name}.xlsx"
            (written if _replaced(path, book.sheets, rows) else unchanged).append(path)
        context.progress("workbooks", len(todo), len(todo))
        return SinkReport(written=tuple(written), unchanged=tuple(unchanged))

    def describe(self) -> str:
        """Name the folder."""
        return f"workbooks in {self.directory}"

    def _check(self, frames: Mapping[str, pl.DataFrame]) -> None:
        for book in self.books:
            for sheet in book.sheets:
                if sheet.frame not in frames:
                    raise ContractError(
                        f"{self.describe()}: the sheet {sheet.name!r} shows the frame "
                        f"{sheet.frame!r}; there are {', '.join(frames) or 'none'}"
                    )
                wanted = {column.name for column in sheet.columns}
                wanted |= {column.format_in for column in sheet.columns if column.format_in}
                wanted |= {book.per} - {None}  # type: ignore[arg-type]
                missing = sorted(wanted - set(frames[sheet.frame].columns))
                if missing:
                    raise ContractError(
                        f"{self.describe()}: the sheet {sheet.name!r} shows {', '.join(missing)}, "
                        f"which the frame {sheet.frame!r} lacks"
                    )

    def _files(
        self, frames: Mapping[str, pl.DataFrame]
    ) -> Iterator[tuple[str, Book, Mapping[str, pl.DataFrame]]]:
        for book in self.books:
            if book.per is None:
                yield book.file, book, frames
                continue
            parts = {sheet.frame: _parts(frames[sheet.frame], book.per) for sheet in book.sheets}
            names = file_names(value for part in parts.values() for value in part)
            for value, name in names.items():
                own = {
                    frame: part.get(value, frames[frame].clear()) for frame, part in parts.items()
                }
                yield book.file.replace("{}", name), book, own


def _parts(frame: pl.DataFrame, column: str) -> dict[str, pl.DataFrame]:
    """Split a frame by a text column; rows without a value belong to no workbook."""
    split: dict[Any, pl.DataFrame] = frame.drop_nulls(column).partition_by(
        column, as_dict=True, maintain_order=True
    )
    return {key[0]: rows for key, rows in split.items()}


def _replaced(path: Path, sheets: tuple[Sheet, ...], frames: Mapping[str, pl.DataFrame]) -> bool:
    """Put a workbook at a path in one step; False where it is there already."""
    from xlsxwriter.exceptions import XlsxFileError

    made: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, so that the rename is one step on any file system.
        handle, name = tempfile.mkstemp(prefix=".workbook-", suffix=".tmp", dir=path.parent)
        os.close(handle)
        made = Path(name)
        write_book(made, sheets, frames)
        if path.exists() and filecmp.cmp(made, path, shallow=False):
            return False
        made.chmod(0o644)
        with made.open("rb+") as file:
            os.fsync(file.fileno())
        made.replace(path)
        made = None
    except (OSError, XlsxFileError) as error:
        raise LoadError(
            f"{path} can't be written ({error}); close it where it is open, make room, and run "
            "again: the one that is there is as it was"
        ) from error
    else:
        return True
    finally:
        if made is not None:
            made.unlink(missing_ok=True)
