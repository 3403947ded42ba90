"""Predicted against measured seconds, or bytes of memory, a panel for each kind of case.

Input: "hsap.accuracy/1". The line is a perfect prediction, the bands are 10 % and 25 % off.
"""
import math

import numpy as np

from . import style
from .document import Node

KINDS = ("attention kernels", "transfers", "collectives", "distributed attention", "training steps",
         "memory of training steps")
# The kind of a file whose name begins so; any other is distributed attention.
BEGINNINGS = {"kernels": 0, "transfers": 1, "collectives": 2, "steps": 4, "memory": 5}


class Point:
    def __init__(self, node: Node):
        self.group = node["group"].text()
        unit = "peak_bytes" if node.has("measured_peak_bytes") else "s"
        self.measured = node[f"measured_{unit}"].number(1e-12)
        self.predicted = node[f"predicted_{unit}"].number(1e-12)


def kind_of(name: str) -> str:
    """By the name of the case file."""
    return KINDS[BEGINNINGS.get(name.split("-")[0], 3)]


def panels(document: Node) -> dict:
    """kind -> {file: [Point]}; kinds without a file are left out."""
    found = {kind: {} for kind in KINDS}
    for file in document["files"].items():
        name = file["file"].text().rsplit("/", 1)[-1].removesuffix(".json")
        points = [Point(item) for item in file["cases"].items()]
        found[kind_of(name)][name] = points
    return {kind: files for kind, files in found.items() if files}


def plot(axes, kind: str, files: dict) -> None:
    everything = [p for points in files.values() for p in points]
    unit = "bytes" if kind.startswith("memory") else "seconds"
    low = min(min(p.measured, p.predicted) for p in everything) / 1.5
    high = max(max(p.measured, p.predicted) for p in everything) * 1.5
    line = np.array([low, high])
    for width, shade in ((0.25, "0.93"), (0.10, "0.85")):
        axes.fill_between(line, line * (1 - width), line * (1 + width), color=shade, linewidth=0)
    axes.plot(line, line, color="0.4", linewidth=0.8)
    for colour, (name, points) in zip(style.colours(len(files)), sorted(files.items())):
        axes.plot([p.measured for p in points], [p.predicted for p in points], ".", markersize=4,
                  alpha=0.6, color=colour, label=name)
    errors = [abs(p.predicted / p.measured - 1) for p in everything]
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high),
             xlabel=f"measured, {unit}", ylabel=f"predicted, {unit}",
             title=f"{kind}: {len(everything)} cases, median error "
                   f"{100 * float(np.median(errors)):.1f} %")
    axes.legend(fontsize=6, loc="upper left", markerscale=2)


def draw(document: Node):
    document.demand("hsap.accuracy/1")
    kinds = panels(document)
    if not kinds:
        raise document["files"].wrong("at least one file")
    columns = min(2 if len(kinds) <= 4 else 3, len(kinds))
    rows = math.ceil(len(kinds) / columns)
    figure = style.figure(6.0 * columns, 5.4 * rows)
    for place, (kind, files) in enumerate(kinds.items()):
        plot(figure.add_subplot(rows, columns, place + 1), kind, files)
    return figure
