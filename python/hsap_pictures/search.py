"""The search as heat maps over U x C, a panel for each exchange.

Input: "hsap.search/1". A cell shows the best candidate of its (U, C, exchange) over layouts, orders
and the rest: the tokens per second of the whole cluster, which the search maximises (U x C need
not fill it, so seconds of a step do not compare). A feasible candidate with a reason was given up
on because a bound showed that it cannot win; its figures are limits.
"""
import math

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.cm import ScalarMappable
from matplotlib.patches import Patch, Rectangle

from . import style
from .document import Node

EXCHANGES = ("ring", "double_ring", "all_gather", "p2p", "hierarchical")
OBJECTIVES = {"step_s": "training step", "attention_s": "one layer's attention"}
COLUMNS = 3


class Candidate:
    def __init__(self, node: Node):
        strategy = node["strategy"]
        self.exchange = strategy["exchange"].text()
        self.ulysses = strategy["ulysses"].integer(1, 1 << 20)
        self.context = strategy["context_parallel"].integer(1, 1 << 20)
        self.feasible = node["feasible"].boolean()
        self.limit = self.feasible and node.has("reason")
        self.reason = node["reason"].text() if node.has("reason") else ""
        self.name = style.strategy_name(strategy).replace("\n", " ")
        self.seconds = node["seconds"].number() if self.feasible else math.inf
        self.rate = node["tokens_per_s"].number() if self.feasible else 0.0

    def rank(self):
        """Better candidates of a cell are greater; a limit only counts where nothing is known."""
        return self.feasible, not self.limit, self.rate


def panels(candidates: list[Candidate]) -> list[str]:
    """The exchanges with anything feasible, in the order of the contract, then any new ones."""
    found = {candidate.exchange for candidate in candidates if candidate.feasible}
    return [name for name in EXCHANGES if name in found] + sorted(found - set(EXCHANGES))


def left_out(candidates: list[Candidate]) -> str:
    """The exchanges without a panel, a line each, with the first reason."""
    shown = set(panels(candidates))
    reasons = {}
    for candidate in candidates:
        if candidate.exchange not in shown:
            reasons.setdefault(candidate.exchange, candidate.reason or "infeasible")
    return "\n".join(f"no panel for {name}: {reason}" for name, reason in reasons.items())


def best_of_cells(candidates: list[Candidate]) -> dict:
    """(exchange, U, C) -> the best candidate."""
    cells = {}
    for candidate in candidates:
        key = (candidate.exchange, candidate.ulysses, candidate.context)
        if key not in cells or candidate.rank() > cells[key].rank():
            cells[key] = candidate
    return cells


def draw_cell(axes, column: int, row: int, candidate: Candidate, scale, wins: bool) -> None:
    corner = (column - 0.5, row - 0.5)
    if not candidate.feasible:
        axes.add_patch(Rectangle(corner, 1, 1, facecolor="#DDDDDD", edgecolor="#999999",
                                 hatch="////", linewidth=0))
        return
    colour = scale.to_rgba(candidate.rate)
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", linewidth=1))
    dark = np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.55
    rate, seconds = style.compact(candidate.rate), style.seconds(candidate.seconds)
    text = f"\u2264 {rate}/s\n\u2265 {seconds}" if candidate.limit else f"{rate}/s\n{seconds}"
    axes.text(column, row, text, ha="center", va="center",
              fontsize=8, color="white" if dark else "black",
              weight="bold" if wins else "normal")
    if wins:
        axes.add_patch(Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False,
                                 edgecolor=style.VERMILION, linewidth=3, zorder=5))


def draw_panel(axes, exchange: str, cells: dict, sides, scale, winner: Candidate) -> None:
    ulysses, context = sides
    for (name, u, c), candidate in cells.items():
        if name == exchange:
            draw_cell(axes, ulysses.index(u), context.index(c), candidate, scale,
                      candidate is winner)
    axes.set(xlim=(-0.5, len(ulysses) - 0.5), ylim=(-0.5, len(context) - 0.5), title=exchange,
             xlabel="Ulysses degree U", ylabel="context degree C",
             xticks=range(len(ulysses)), yticks=range(len(context)),
             xticklabels=ulysses, yticklabels=context)
    axes.tick_params(length=0)


def title(candidates: list[Candidate], winner: Candidate, objective: str) -> str:
    infeasible = sum(not candidate.feasible for candidate in candidates)
    limits = sum(candidate.limit for candidate in candidates)
    return (f"{len(candidates)} strategies for the {OBJECTIVES[objective]}: {infeasible} infeasible"
            f", {limits} beaten by a bound\nbest: {winner.name}, {style.compact(winner.rate)} tokens/s")


def read(root: Node):
    root.demand("hsap.search/1")
    objective = root["objective"].text()
    if objective not in OBJECTIVES:
        raise root["objective"].wrong(" or ".join(OBJECTIVES))
    candidates = [Candidate(node) for node in root["candidates"].items()]
    winner = max(candidates, key=Candidate.rank, default=None)
    if winner is None or not winner.feasible or winner.limit:
        raise root["candidates"].fail("nothing to draw", "at least one feasible candidate")
    return objective, candidates, winner


def draw(root: Node):
    objective, candidates, winner = read(root)
    cells = best_of_cells(candidates)
    sides = (sorted({key[1] for key in cells}), sorted({key[2] for key in cells}))
    names = panels(candidates)
    rates = [cell.rate for cell in cells.values() if cell.feasible]
    scale = ScalarMappable(Normalize(min(rates), max(rates)), "viridis")
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    width, height = 1.2 + 0.78 * len(sides[0]), 1.1 + 0.52 * len(sides[1])
    figure = style.figure(min(20, max(7.5, 1.3 + columns * width)), min(16, 1.2 + rows * height))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(names):]:
        axes.set_axis_off()
    for name, axes in zip(names, grid.flat):
        draw_panel(axes, name, cells, sides, scale, winner)
    figure.colorbar(scale, ax=grid, label="tokens/s of the whole cluster", format=lambda x, _:
                    style.compact(x), aspect=30, shrink=0.9)
    figure.supxlabel(left_out(candidates), ha="left", x=0.01, fontsize=9)
    figure.suptitle(title(candidates, winner, objective), ha="left", x=0.01, fontsize=11)
    figure.legend(handles=[Patch(facecolor="#DDDDDD", edgecolor="#999999", hatch="////",
                                 label="infeasible"),
                           Patch(facecolor="none", edgecolor=style.VERMILION, linewidth=2,
                                 label="best")],
                  loc="upper right", ncol=2, frameon=False)
    return figure
