"""The highest resident size of this process.

``ru_maxrss`` alone will not do: Linux lets a new program begin with the peak of the one that
started it (``setmax_mm_hiwater_rss`` in the kernel's ``exec_mmap``), and it can't be set back.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["forget_peak", "peak_mb"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_mb() -> float:
    """The peak since the process began, or since :func:`forget_peak`, in MB (2**20 bytes).

    >>> peak_mb() > 1
    True
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 1024  # macOS tells bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def forget_peak() -> float:
    """Let the peak begin anew where the system can (proc(5), clear_refs); gives what it is now."""
    if _CLEAR.exists():
        _CLEAR.write_text("5", encoding="ascii")
    return peak_mb()
