"""Put the page at its place, as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from etl.errors import EtlError

__all__ = ["write_page"]

_NAME: Final = "index.html"


def write_page(text: str, folder: Path) -> Path:
    """Write ``index.html`` in a folder, which is made where it is not there; gives its path.

    Raises
    ------
    EtlError
        The file can't be written; the one that is there is as it was.
    """
    made: Path | None = None
    path = folder / _NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".catalog-", suffix=".tmp", dir=folder)
        made = Path(name)
        # As it is: a line end more would not fit the hashes of the security policy.
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        made.chmod(0o644)
        made.replace(path)
        made = None
    except OSError as error:
        raise EtlError(
            f"{path} can't be written ({error.strerror}): choose another folder with --out"
        ) from error
    finally:
        if made is not None:
            made.unlink(missing_ok=True)
    return path
