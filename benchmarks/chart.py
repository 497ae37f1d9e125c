"""A bar chart as an SVG file, drawn here: nothing has to be installed for it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bars"]

_WIDTH, _LABEL, _BAR, _GAP, _HEAD = 860, 250, 18, 6, 44
_OURS: Final = "#1f6feb"
_PEER: Final = "#9aa4af"


def bars(groups: Mapping[str, Mapping[str, float]], *, title: str, ours: str) -> str:
    """Rows a second by contender, a block of bars for each group; longer is better.

    >>> "12 K" in bars({"sqlite": {"etl": 12_000.0, "pandas": 4_000.0}}, title="t", ours="etl")
    True
    """
    parts, y = [f'<text x="10" y="24" font-size="16">{escape(title)}</text>'], _HEAD
    for group, values in groups.items():
        parts.append(f'<text x="10" y="{y + 14}" font-weight="bold">{escape(group)}</text>')
        y += _BAR + _GAP
        longest = max(values.values())
        for name, value in sorted(values.items(), key=lambda item: -item[1]):
            width = max(1.0, (_WIDTH - _LABEL - 90) * value / longest)
            color = _OURS if name == ours else _PEER
            parts += [
                f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{_LABEL}" y="{y}" width="{width:.0f}" height="{_BAR}" fill="{color}"/>',
                f'<text x="{_LABEL + width + 6:.0f}" y="{y + 14}">{value / 1000:,.0f} K</text>',
            ]
            y += _BAR + _GAP
        y += 2 * _GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" '
        f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>'
        f"\n{body}\n</svg>\n"
    )
