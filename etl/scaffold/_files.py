"""Several files written together: all of them or none, and none over another."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

__all__ = ["FilesTogether"]


@dataclass
class FilesTogether:
    """A context in which files are written; after an exception each is as it was before.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with FilesTogether() as files:
    ...     files.create(folder / "new" / "a.txt", "a")
    ...     files.create(folder / "new" / "a.txt", "b")
    Traceback (most recent call last):
    etl.errors.ConfigError: .../new/a.txt: there already, and nothing was changed
    >>> list(folder.iterdir())
    []
    """

    _undo: list[tuple[Path, bytes | None]] = field(default_factory=list)
    _folders: list[Path] = field(default_factory=list)

    def __enter__(self) -> FilesTogether:
        return self

    def create(self, path: Path, text: str) -> None:
        """Write a file that is not there yet.

        Raises
        ------
        ConfigError
            It is there, or can't be written.
        """
        with _told():
            if not path.parent.exists():
                path.parent.mkdir()
                self._folders.append(path.parent)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                self._undo.append((path, None))
                file.write(text)

    def replace(self, path: Path, text: str) -> None:
        """Write a file, which may be there: a reader sees the old text or the new one.

        Raises
        ------
        ConfigError
            It can't be written.
        """
        half = path.with_name(f".{path.name}.{os.getpid()}")
        with _told():
            before = path.read_bytes() if path.exists() else None
            try:
                half.write_text(text, encoding="utf-8", newline="\n")
                self._undo.append((path, before))
                half.replace(path)
            finally:
                half.unlink(missing_ok=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            return
        for path, before in reversed(self._undo):
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)
        for folder in reversed(self._folders):
            folder.rmdir()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise ConfigError(f"{error.filename}: there already, and nothing was changed") from None
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: can't be written: {error.strerror}; nothing was changed"
        ) from error
