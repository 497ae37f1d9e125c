"""A bar chart as an SVG file, drawn here: nothing has to be installed for it."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["bars", "lines"]

_WIDTH, _LABEL, _BAR, _GAP, _HEAD = 860, 250, 18, 6, 44
_OURS: Final = "#1f6feb"
_PEER: Final = "#9aa4af"
_PANEL_WIDTH, _PANEL_HEIGHT, _LEFT, _TOP = 400, 260, 60, 30
_COLORS: Final = ("#9a6700", "#cf222e", "#1f6feb", "#1a7f37", "#8250df", "#57606a")


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


def lines(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], *, names: Sequence[str]
) -> str:
    """Curves over rows, a panel for each figure, two beside each other; both axes by powers of ten.

    >>> panel = {"a": {"polars": [(1e5, 1.0), (1e6, 9.0)]}}
    >>> lines(panel, names=["polars"]).count("<circle")
    2
    """
    parts, height = [], 0
    for number, (title, curves) in enumerate(panels.items()):
        x, y = number % 2 * _PANEL_WIDTH, number // 2 * _PANEL_HEIGHT
        height = y + _PANEL_HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(title, curves, names)}</g>')
    at = 10
    for name, color in zip(names, _COLORS, strict=False):
        parts.append(f'<text x="{at}" y="{height + 18}" fill="{color}">● {escape(name)}</text>')
        at += 9 * len(name) + 30
    body = "\n".join(parts)
    width = 2 * _PANEL_WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + 30}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f"\n{body}\n</svg>\n"
    )


def _panel(
    title: str, curves: Mapping[str, Sequence[tuple[float, float]]], names: Sequence[str]
) -> str:
    parts = [f'<text x="10" y="18" font-weight="bold">{escape(title)}</text>']
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return parts[0]
    wide, high = _PANEL_WIDTH - _LEFT - 20, _PANEL_HEIGHT - _TOP - 40
    logs = [[math.log10(max(point[axis], 1e-2)) for point in points] for axis in (0, 1)]
    low = [math.floor(min(axis)) for axis in logs]
    top = [max(math.ceil(max(axis)), first + 1) for axis, first in zip(logs, low, strict=True)]

    def place(axis: int, value: float) -> float:
        share = (math.log10(max(value, 1e-2)) - low[axis]) / (top[axis] - low[axis])
        return _LEFT + wide * share if axis == 0 else _TOP + high * (1 - share)

    for power in range(low[0], top[0] + 1):
        x = place(0, 10**power)
        parts.append(f'<line x1="{x:.0f}" y1="{_TOP}" x2="{x:.0f}" y2="{_TOP + high}" stroke="#d0d7de"/>')  # fmt: skip
        parts.append(f'<text x="{x:.0f}" y="{_TOP + high + 16}" text-anchor="middle">{10**power:,} rows</text>')  # fmt: skip
    for power in range(low[1], top[1] + 1):
        y = place(1, 10**power)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.0f}" x2="{_LEFT + wide}" y2="{y:.0f}" stroke="#d0d7de"/>')  # fmt: skip
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{10**power:,}</text>')  # fmt: skip
    for name, color in zip(names, _COLORS, strict=False):
        spots = [(place(0, rows), place(1, value)) for rows, value in curves.get(name, ())]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in spots]
    return "".join(parts)
