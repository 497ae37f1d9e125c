"""The graph's layout: everything has a place of its own, from left to right, and always the same one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from etl.catalog._layout import Edge, place_nodes

GAP, PASS = 10.0, 6.0
NODES = [f"n{number}" for number in range(9)]
GRAPHS = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), unique=True).map(
    lambda pairs: [Edge(a, b) for a, b in pairs if a != b]
)


@given(edges=GRAPHS)
def test_any_graph_has_a_layout_without_overlap(edges: list[Edge]) -> None:
    layout = place_nodes(NODES, edges, gap=GAP, pass_gap=PASS)
    assert layout == place_nodes(NODES, edges, gap=GAP, pass_gap=PASS)
    assert sorted(node for layer in layout.layers for node in layer) == NODES
    for layer in layout.layers:
        for above, below in pairwise(layer):
            assert layout.at[below] - layout.at[above] >= GAP - 0.2  # rounded to tenths
    column = {node: at for at, layer in enumerate(layout.layers) for node in layer}
    assert [route.edge for route in layout.routes] == edges
    for route in layout.routes:
        ends = (route.edge.source, route.edge.target)
        first, last = reversed(ends) if route.backwards else ends
        assert column[first] == route.first
        assert column[last] == route.first + len(route.path) - 1 > route.first
        assert (route.path[0], route.path[-1]) == (layout.at[first], layout.at[last])
        # On its way an edge passes beside the nodes, not through them.
        for step, place in enumerate(route.path[1:-1], start=route.first + 1):
            assert all(abs(place - layout.at[node]) >= PASS - 0.2 for node in layout.layers[step])
        assert 0 <= min(route.path) <= max(route.path) <= layout.height


@given(edges=GRAPHS)
def test_only_cycles_run_backwards(edges: list[Edge]) -> None:
    ahead = [edge for edge in edges if edge.source < edge.target]
    layout = place_nodes(NODES, ahead, gap=GAP, pass_gap=PASS)
    assert not any(route.backwards for route in layout.routes)
    both = [*ahead, *(Edge(edge.target, edge.source) for edge in ahead)]
    turned = [r for r in place_nodes(NODES, both, gap=GAP, pass_gap=PASS).routes if r.backwards]
    assert len(turned) == len(ahead)


def test_chains_that_can_be_drawn_without_a_crossing_are() -> None:
    chains = [[f"{name}{at}" for at in range(3)] for name in "abcd"]
    nodes = [node for at, layer in enumerate(zip(*chains, strict=True)) for node in layer[:: -1 if at % 2 else 1]]  # fmt: skip
    edges = [Edge(a, b) for chain in chains for a, b in pairwise(chain)]
    layout = place_nodes(nodes, edges, gap=GAP, pass_gap=PASS)
    assert {tuple(node[0] for node in layer) for layer in layout.layers} == {("a", "b", "c", "d")}
    assert all(len(set(route.path)) == 1 for route in layout.routes)
