"""What both of PostgreSQL's drivers need to know: packed type modifiers."""

from __future__ import annotations

__all__ = ["modifier"]


def modifier(type_name: str, packed: int) -> tuple[int | None, int | None, int | None]:
    """Length, precision and scale from ``atttypmod``, as ``format_type`` reads it.

    >>> modifier("numeric", ((12 << 16) | 2) + 4), modifier("varchar", 24)
    ((None, 12, 2), (20, None, None))
    """
    if packed < 0:
        return None, None, None
    if type_name in {"varchar", "bpchar"}:
        return packed - 4, None, None
    if type_name == "numeric":
        value = packed - 4
        scale = value & 0x7FF
        return None, (value >> 16) & 0xFFFF, scale - 0x800 if scale > 0x3FF else scale
    if type_name in {"timestamp", "timestamptz", "time", "timetz"}:
        return None, None, packed
    return None, None, None
