"""Workbooks of frames: declared as values, written by XlsxWriter, each whole or not at all.

A :class:`Workbooks` sink makes one workbook, or one for each value of a column, of the frames that
a transform gives by name. What stands in a cell is what stands in the frame: text is text, also
where a spreadsheet would take it for a formula or an address.
"""

from __future__ import annotations

from etl.io.excel._layout import Book, Chart, Column, Sheet
from etl.io.excel._sink import Workbooks

__all__ = ["Book", "Chart", "Column", "Sheet", "Workbooks"]
