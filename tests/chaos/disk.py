"""A disk that is soon full."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["small_disk"]


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of its own, in memory.

    Only root may. A container may be denied it even then: that is a missing requirement, which
    fails in CI.
    """
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    directory.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"the right to mount a tmpfs (CAP_SYS_ADMIN): {done.stderr}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
