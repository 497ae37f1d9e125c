"""Where the nodes of the lineage graph stand: layers from left to right, the same every time.

The usual four steps for layered graphs (Sugiyama, Tagawa, Toda 1981): break cycles, give each node a
layer, order each layer so that few edges cross, and place the nodes near their neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Edge", "Layout", "Route", "place_nodes"]

_SWEEPS: Final = 12


@dataclass(frozen=True)
class Edge:
    """From one node to another; ``both`` flows back as well."""

    source: str
    target: str
    both: bool = False


@dataclass(frozen=True)
class Route:
    """The vertical positions that an edge passes, a layer each, and the first of these layers.

    ``backwards`` is set for an edge of a cycle that runs against the layers.
    """

    edge: Edge
    first: int
    path: tuple[float, ...]
    backwards: bool


@dataclass(frozen=True)
class Layout:
    """Nodes by layer, from top to bottom, and each one's position; the highest of all is at 0."""

    layers: tuple[tuple[str, ...], ...]
    at: Mapping[str, float]
    routes: tuple[Route, ...]

    @property
    def height(self) -> float:
        """The lowest position, of a node or of an edge on its way."""
        passed = (place for route in self.routes for place in route.path)
        return max((*self.at.values(), *passed), default=0.0)


def place_nodes(
    nodes: Sequence[str], edges: Sequence[Edge], *, gap: float, pass_gap: float
) -> Layout:
    """Lay a graph out.

    Parameters
    ----------
    nodes
        All nodes; where nothing else decides, their order does.
    edges
        Between them.
    gap, pass_gap
        How far the middles of two nodes of a layer are apart, and a node's from the middle of an
        edge that passes between nodes.

    Examples
    --------
    >>> chain = [Edge("board", "job"), Edge("job", "table")]
    >>> place_nodes(["board", "job", "table"], chain, gap=10, pass_gap=5).layers
    (('board',), ('job',), ('table',))
    """
    turned = _against(nodes, edges)
    forward = [
        (edge, edge.target, edge.source) if edge in turned else (edge, edge.source, edge.target)
        for edge in edges
    ]
    layer = _layers(nodes, [(source, target) for _, source, target in forward])
    columns: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in nodes:
        columns[layer[node]].append(node)
    chains: list[tuple[Edge, int, list[str]]] = []
    for number, (edge, source, target) in enumerate(forward):
        chain = [source]
        for column in range(layer[source] + 1, layer[target]):
            # Longer than any name: an edge passes a layer as a node of its own.
            chain.append(f"\0{number}\0{column}")
            columns[column].append(chain[-1])
        chains.append((edge, layer[source], [*chain, target]))
    links = [pair for _, _, chain in chains for pair in pairwise(chain)]
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        before[target].append(source)
        after[source].append(target)
    columns = _ordered(columns, before, after)
    at = _positions(columns, before, after, gap, pass_gap)
    top = min(at.values(), default=0.0)
    at = {name: round(value - top, 1) for name, value in at.items()}
    return Layout(
        layers=tuple(tuple(n for n in column if not _passes(n)) for column in columns),
        at={name: at[name] for name in nodes},
        routes=tuple(
            Route(edge, first, tuple(at[name] for name in chain), edge in turned)
            for edge, first, chain in chains
        ),
    )


def _passes(name: str) -> bool:
    return name.startswith("\0")


def _against(nodes: Sequence[str], edges: Sequence[Edge]) -> set[Edge]:
    """Edges that close a cycle: those that lead back to a node on the way from which they were found."""
    leads: dict[str, list[Edge]] = defaultdict(list)
    targets = {edge.target for edge in edges}
    for edge in edges:
        leads[edge.source].append(edge)
    found: set[Edge] = set()
    done: set[str] = set()
    # From where data enters, so that cycles are cut as far down as can be.
    for start in [*(n for n in nodes if n not in targets), *nodes]:
        way: list[tuple[str, int]] = [(start, 0)] if start not in done else []
        on_way = {start}
        while way:
            node, number = way.pop()
            if number == len(leads[node]):
                on_way.discard(node)
                done.add(node)
                continue
            way.append((node, number + 1))
            edge = leads[node][number]
            if edge.target in on_way:
                found.add(edge)
            elif edge.target not in done:
                way.append((edge.target, 0))
                on_way.add(edge.target)
    return found


def _layers(nodes: Sequence[str], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """As far left as what leads to a node allows; what nothing leads to, next to what it leads to."""
    layer = dict.fromkeys(nodes, 0)
    for _ in nodes:
        moved = False
        for source, target in links:
            if layer[target] <= layer[source]:
                layer[target], moved = layer[source] + 1, True
        if not moved:
            break
    fed = {target for _, target in links}
    for node in nodes:
        follow = [layer[target] for source, target in links if source == node]
        if node not in fed and follow:
            layer[node] = min(follow) - 1
    return layer


def _ordered(
    columns: list[list[str]], before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> list[list[str]]:
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        sides = before if down else after
        for number in range(len(columns)) if down else reversed(range(len(columns))):
            beside = number - 1 if down else number + 1
            if not 0 <= beside < len(columns):
                continue
            place = {name: at for at, name in enumerate(columns[beside])}
            now = {name: at for at, name in enumerate(columns[number])}
            columns[number].sort(
                key=lambda name: (
                    _mean([place[each] for each in sides[name]], now[name]),
                    now[name],
                )
            )
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    return best


def _mean(values: Iterable[float], other: float) -> float:
    values = list(values)
    return sum(values) / len(values) if values else other


def _crossings(columns: list[list[str]], after: Mapping[str, list[str]]) -> int:
    total = 0
    for left, right in pairwise(columns):
        place = {name: at for at, name in enumerate(right)}
        ends = [place[target] for name in left for target in sorted(after[name], key=place.__getitem__)]  # fmt: skip
        total += sum(a > b for at, a in enumerate(ends) for b in ends[at + 1 :])
    return total


def _positions(
    columns: list[list[str]],
    before: Mapping[str, list[str]],
    after: Mapping[str, list[str]],
    gap: float,
    pass_gap: float,
) -> dict[str, float]:
    offsets: list[list[float]] = []
    at: dict[str, float] = {}
    for column in columns:
        offset, ends = 0.0, []
        for name, above in zip(column, [None, *column], strict=False):
            if above is not None:
                passing = _passes(name) + _passes(above)
                offset += (gap, pass_gap, pass_gap / 2)[passing]
            ends.append(offset)
        offsets.append(ends)
        middle = ends[-1] / 2 if ends else 0.0
        at |= {name: end - middle for name, end in zip(column, ends, strict=True)}
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for number in range(len(columns)) if down else reversed(range(len(columns))):
            column, ends = columns[number], offsets[number]
            wanted = [
                _mean([at[each] for each in (*before[name], *after[name])], at[name]) - end
                for name, end in zip(column, ends, strict=True)
            ]
            for name, value, end in zip(column, _rising(wanted), ends, strict=True):
                at[name] = value + end
    return at


def _rising(wanted: Sequence[float]) -> list[float]:
    """The values nearest to those wanted, by least squares, of which none is below the one before it.

    >>> _rising([3.0, 1.0, 5.0])
    [2.0, 2.0, 5.0]
    """
    pools: list[tuple[float, int]] = []
    for value in wanted:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]
