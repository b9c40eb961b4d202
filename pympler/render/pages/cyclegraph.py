"""A reference cycle as inline SVG: objects on a circle, references as arrows between them."""

from __future__ import annotations

import math

from markupsafe import Markup

from pympler.store.results import Cycle, CycleEdge
from pympler.util.sizes import format_bytes

__all__ = ["draw"]

_MOST_NODES = 16
_WIDTH = 560
_NAME = 30
_DOT = 7


def draw(cycle: Cycle) -> Markup:
    """The picture of a cycle; what does not fit into it is left out.

    A reader of the picture alone sees types and labels; the page lists them as text too.
    """
    nodes = cycle.nodes[:_MOST_NODES]
    if not nodes:
        return Markup("")
    radius = 70.0 if len(nodes) < 3 else min(40.0 + 14.0 * len(nodes), 170.0)
    height = 150 if len(nodes) < 3 else round(2 * radius + 80)
    centre = (_WIDTH / 2, height / 2)
    if len(nodes) == 1:
        radius = 24.0
    angles = [2 * math.pi * place / len(nodes) - math.pi / 2 for place in range(len(nodes))]
    if len(nodes) == 2:  # beside each other, so that both names have room
        angles = [math.pi, 0.0]
    spots = [
        (centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle))
        for angle in angles
    ]
    edges = [
        _edge(edge, spots, cycle.edges)
        for edge in cycle.edges
        if edge.source < len(nodes) and edge.target < len(nodes)
    ]
    names = []
    for node, (x, y), angle in zip(nodes, spots, angles, strict=True):
        side = math.cos(angle)
        anchor = "middle" if abs(side) < 0.3 else "start" if side > 0 else "end"
        shift = 0 if anchor == "middle" else 14 if side > 0 else -14
        drop = 4 if anchor != "middle" else 24 if math.sin(angle) > 0 else -14
        names.append(
            Markup(
                '<circle class="node" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}, {}</title></circle>'
                '<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
            ).format(
                *(x, y, _DOT, node.type, format_bytes(node.flat_bytes)),
                *(x + shift, y + drop, anchor, _short(node.type)),
            )
        )
    return Markup(
        '<svg class="cycle" role="img" aria-label="{}" viewBox="0 0 {} {}"><defs><marker '
        'id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>{}{}'
        "</svg>"
    ).format(
        f"A cycle of {cycle.objects} objects: {', '.join(node.type for node in nodes)}",
        *(_WIDTH, height, Markup("").join(edges), Markup("").join(names)),
    )


def _edge(
    edge: CycleEdge,
    spots: list[tuple[float, float]],
    edges: tuple[CycleEdge, ...],
) -> Markup:
    (x1, y1), (x2, y2) = spots[edge.source], spots[edge.target]
    anchor = "middle"
    if edge.source == edge.target:
        path = f"M{x1 - 5:.1f} {y1 + 6:.1f}c-34 44 44 44 11 2"
        spot = (x1, y1 + 54)
    else:
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        # A line bends to the left of its way, so that one there and one back are apart.
        left = ((y2 - y1) / length, (x1 - x2) / length)
        both = any(e.source == edge.target and e.target == edge.source for e in edges)
        bend = 22.0 if both else 10.0
        middle = ((x1 + x2) / 2, (y1 + y2) / 2)
        control = (middle[0] + 2 * bend * left[0], middle[1] + 2 * bend * left[1])
        gap = _DOT + 3
        start = _towards((x1, y1), control, gap)
        end = _towards((x2, y2), control, gap)
        path = (
            f"M{start[0]:.1f} {start[1]:.1f}Q{control[0]:.1f} {control[1]:.1f} "
            f"{end[0]:.1f} {end[1]:.1f}"
        )
        aside = bend + 10
        spot = (middle[0] + aside * left[0], middle[1] + aside * left[1] + 4)
        anchor = "middle" if abs(left[0]) < 0.4 else "start" if left[0] > 0 else "end"
    return Markup(
        '<path class="edge" d="{}" marker-end="url(#arrow)"/>'
        '<text class="label" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    ).format(path, spot[0], spot[1], anchor, _short(edge.label))


def _towards(
    spot: tuple[float, float], target: tuple[float, float], distance: float
) -> tuple[float, float]:
    length = math.hypot(target[0] - spot[0], target[1] - spot[1]) or 1.0
    return (
        spot[0] + (target[0] - spot[0]) / length * distance,
        spot[1] + (target[1] - spot[1]) / length * distance,
    )


def _short(text: str) -> str:
    return text if len(text) <= _NAME else f"{text[: _NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
