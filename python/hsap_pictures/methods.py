"""Published methods side by side: tokens per second over the context, a panel for each scene.

Input: "hsap.methods/1", as scripts/methods.py makes it. A point of a method that has too little
memory is left out.
"""
from . import style
from .document import Node

BEST = "best plan"
MARKERS = "osDv^<>P*X"


class Point:
    def __init__(self, node: Node):
        self.method = node["method"].text()
        self.context = node["context"].integer(1, 1 << 40)
        self.tokens_per_s = node["tokens_per_s"].number()
        self.fits = node["fits"].boolean()


def methods_of(scenes: list[list[Point]]) -> list[str]:
    """In the order of the file."""
    return list(dict.fromkeys(point.method for points in scenes for point in points))


def line_of(method: str, points: list[Point]) -> list[Point]:
    """Its points that fit, by context."""
    found = [point for point in points if point.method == method and point.fits]
    return sorted(found, key=lambda point: point.context)


def draw_scene(axes, points: list[Point], methods: list[str]) -> None:
    colours = style.colours(8)
    for place, method in enumerate(methods):
        line = line_of(method, points)
        best = method == BEST
        axes.plot([point.context for point in line], [point.tokens_per_s / 1e3 for point in line],
                  label=method, color="black" if best else colours[place % 8],
                  linestyle="--" if best else "-", linewidth=1.6, markersize=5,
                  marker=MARKERS[place % len(MARKERS)])
    ticks = sorted({point.context for point in points})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [style.tokens(context) for context in ticks])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tokens of a batch")
    axes.grid(True, which="major", color=style.PALE)


def draw(root: Node):
    root.demand("hsap.methods/1")
    nodes = root["scenes"].items()
    scenes = [[Point(point) for point in node["points"].items()] for node in nodes]
    if not any(point.fits for points in scenes for point in points):
        raise root["scenes"].fail("nothing to draw", "at least one point that fits")
    methods = methods_of(scenes)
    figure = style.figure(3.6 * len(scenes) + 1.6, 4)
    panels = figure.subplots(1, len(scenes), sharey=True, squeeze=False)[0]
    for axes, node, points in zip(panels, nodes, scenes):
        draw_scene(axes, points, methods)
        axes.set_title(node["name"].text())
    panels[0].set_ylabel("thousands of tokens per second")
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return figure
