"""Ranks over time: computing, waiting for communication, or idle.

Input: the Chrome trace of `hsap-sim --timeline`, with threads named "rank 3 compute",
"rank 3 keys" and so on. Communication counts as exposed while no kernel of the rank runs.
"""
import re

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from . import style
from .document import Node

THREAD = re.compile(r"rank (\d{1,9}) (\w+)")
COLOURS = {"compute": style.BLUE, "exposed communication": style.ORANGE, "idle": style.PALE}


def union(spans):
    """Sorted disjoint spans, shape [n, 2], that cover the same moments."""
    if len(spans) == 0:
        return np.zeros((0, 2))
    spans = np.array(sorted(spans))
    ends = np.maximum.accumulate(spans[:, 1])
    opens = np.concatenate(([True], spans[1:, 0] > ends[:-1]))
    closes = np.concatenate((opens[1:], [True]))
    return np.stack((spans[opens, 0], ends[closes]), axis=1)


def minus(spans, holes):
    """The moments of `spans` outside `holes`, both disjoint and sorted."""
    left = []
    at = 0
    for begin, end in spans:
        while at < len(holes) and holes[at][1] <= begin:
            at += 1
        hole = at
        while hole < len(holes) and holes[hole][0] < end:
            if holes[hole][0] > begin:
                left.append((begin, holes[hole][0]))
            begin = max(begin, holes[hole][1])
            hole += 1
        if begin < end:
            left.append((begin, end))
    return np.array(left).reshape(-1, 2)


def length(spans) -> float:
    return float((spans[:, 1] - spans[:, 0]).sum())


class Rank:
    """What one rank does, in seconds."""

    def __init__(self, process: int, compute, communication):
        self.process = process
        self.compute = union(compute)
        self.exposed = minus(union(communication), self.compute)


def track_of(event: Node) -> tuple[int, int]:
    """(process, thread)."""
    return event["pid"].integer(0, 1 << 31), event["tid"].integer(0, 1 << 31)


def threads(events: list[Node]) -> dict:
    """(process, thread) -> (rank, stream)."""
    found = {}
    for event in events:
        if event.has("name") and event.value["name"] == "thread_name":
            match = THREAD.fullmatch(event["args"]["name"].text())
            if match:
                found[track_of(event)] = (int(match[1]), match[2])
    return found


def read_ranks(root: Node) -> dict[int, Rank]:
    events = (root["traceEvents"] if isinstance(root.value, dict) else root).items()
    tracks = threads(events)
    if not tracks:
        raise root.fail('no threads named like "rank 3 compute"', "a trace of hsap-sim --timeline")
    spans = {rank: (process, [], []) for (process, _), (rank, _) in tracks.items()}
    for event in events:
        if not event.has("ph") or event.value["ph"] != "X":
            continue
        track = tracks.get(track_of(event))
        if track is not None:
            begin = event["ts"].number() * 1e-6
            end = begin + event["dur"].number() * 1e-6
            spans[track[0]][1 if track[1] == "compute" else 2].append((begin, end))
    return {rank: Rank(*spans[rank]) for rank in sorted(spans)}


def bars(axes, spans, row: int, factor: float, colour: str) -> None:
    low, high = row - 0.4, row + 0.4
    boxes = [[(a, low), (a, high), (b, high), (b, low)] for a, b in spans * factor]
    axes.add_collection(PolyCollection(boxes, facecolors=colour, edgecolors="none"))


def separate_nodes(axes, ranks: dict[int, Rank], end: float) -> None:
    processes = [rank.process for rank in ranks.values()]
    if len(set(processes)) < 2:
        return
    for row in range(len(processes)):
        if row == 0 or processes[row] != processes[row - 1]:
            if row > 0:
                axes.axhline(row - 0.5, color="black", linewidth=0.8)
            axes.annotate(f"node {processes[row]}", (1.005, row - 0.35), va="top", fontsize=8,
                          xycoords=("axes fraction", "data"))


def label_axes(axes, ranks: dict[int, Rank], end: float, unit: str, totals) -> None:
    axes.set(xlabel=f"time ({unit})", ylabel="rank", ylim=(len(ranks) - 0.5, -0.5))
    numbers = list(ranks)
    every = max(1, -(-len(numbers) // 40))
    axes.set_yticks(range(0, len(numbers), every), numbers[::every])
    compute, exposed = totals
    axes.set_title(f"{len(ranks)} ranks over {end:.4g} {unit}: {compute:.1%} computing, "
                   f"{exposed:.1%} in exposed communication, {1 - compute - exposed:.1%} idle",
                   pad=26)
    axes.legend(handles=[Patch(facecolor=colour, label=name) for name, colour in COLOURS.items()],
                loc="lower left", bbox_to_anchor=(0, 1), ncol=3, frameon=False, borderpad=0)


def draw(root: Node):
    ranks = read_ranks(root)
    end = max([spans[-1, 1] for rank in ranks.values()
               for spans in (rank.compute, rank.exposed) if len(spans) > 0], default=0.0)
    if end <= 0:
        raise root.fail("no operation takes any time", "complete events ('X') on ranks")
    factor, unit = style.seconds_unit(end)
    figure = style.figure(11, min(14.0, 2.2 + 0.22 * len(ranks)))
    axes = figure.subplots()
    axes.set_xlim(0, end * factor)
    for row, rank in enumerate(ranks.values()):
        bars(axes, np.array([[0.0, end]]), row, factor, COLOURS["idle"])
        bars(axes, rank.compute, row, factor, COLOURS["compute"])
        bars(axes, rank.exposed, row, factor, COLOURS["exposed communication"])
    separate_nodes(axes, ranks, end)
    totals = [sum(length(spans) for spans in part) / (end * len(ranks)) for part in
              ([rank.compute for rank in ranks.values()], [rank.exposed for rank in ranks.values()])]
    label_axes(axes, ranks, end * factor, unit, totals)
    return figure
