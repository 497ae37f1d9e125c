"""The dates that every engine's date types hold."""

from __future__ import annotations

import datetime as dt
from typing import Final

__all__ = ["FIRST_DATE", "LAST_DATE"]

FIRST_DATE: Final = dt.date(1753, 1, 1)
"""The first date that every date type of SQL Server holds (``datetime`` starts here)."""
LAST_DATE: Final = dt.date(9999, 12, 31)
