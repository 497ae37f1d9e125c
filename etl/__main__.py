"""``python -m etl`` is the ``etl`` command, wherever no console script is on PATH."""

from __future__ import annotations

from etl.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
