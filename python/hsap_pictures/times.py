"""A run on GPUs beside its prediction: every operation, by kind.

Input: `hsap-validate run PLAN --executor local|nccl --json` ("hsap.validation/1"). Left, predicted
against measured seconds, with bands of 10 % and 25 %; right, the error of each operation in the
order of the schedule. A row for each pass.
"""
import numpy as np

from . import style
from .document import Node

BANDS = ((0.25, "0.93"), (0.10, "0.85"))


class Kind:
    """The operations of one kind of one pass, as columns."""

    def __init__(self, node: Node):
        self.name = node["kind"].text()
        columns = node["operations"]
        self.operation = [each.integer(0, 1 << 32) for each in columns["operation"].items()]
        self.predicted, self.measured, self.spread = (
            np.array([each.number() for each in columns[key].items()])
            for key in ("predicted_s", "measured_s", "spread_s"))
        if {len(self.predicted), len(self.measured), len(self.spread)} != {len(self.operation)}:
            raise columns.fail("columns of different lengths", "one number for each operation")

    def ran(self):
        """Which operations took any time: of the others there is no error."""
        return (self.measured > 0) & (self.predicted > 0)

    def errors(self):
        """predicted / measured - 1 of the operations that took any time, and half their spread."""
        some = self.ran()
        return (self.predicted[some] / self.measured[some] - 1,
                self.spread[some] / self.measured[some] / 2)


class Pass:
    def __init__(self, node: Node):
        self.name = node["pass"].text()
        times = node["times"]
        self.predicted = times["predicted_s"].number()
        self.measured = times["measured_s"].number()
        self.repeats = times["repeats"].integer(1, 1 << 31)
        self.kinds = [Kind(kind) for kind in times["kinds"].items()]

    def headline(self) -> str:
        text = (f"{self.name}: predicted {style.seconds(self.predicted)}, measured "
                f"{style.seconds(self.measured)}")
        return f"{text} ({self.predicted / self.measured - 1:+.1%})" if self.measured else text


def read_passes(root: Node) -> list[Pass]:
    """The passes of which any operation was measured."""
    found = [Pass(each) for each in root["passes"].items() if each.has("times")]
    found = [each for each in found if any(kind.ran().any() for kind in each.kinds)]
    if not found:
        raise root.fail("no operation was measured", "a run with --executor local or nccl")
    return found


def colours_of(passes: list[Pass]) -> dict:
    names = sorted({kind.name for each in passes for kind in each.kinds})
    return dict(zip(names, style.colours(len(names))))


def draw_scatter(axes, each: Pass, colours: dict) -> None:
    seconds = np.concatenate([side[kind.ran()] for kind in each.kinds
                              for side in (kind.predicted, kind.measured)])
    low, high = seconds.min() / 1.5, seconds.max() * 1.5
    line = np.array([low, high])
    for width, shade in BANDS:
        axes.fill_between(line, line * (1 - width), line * (1 + width), color=shade, linewidth=0)
    axes.plot(line, line, color="0.4", linewidth=0.8)
    for kind in each.kinds:
        some = kind.ran()
        axes.plot(kind.measured[some], kind.predicted[some], ".", markersize=5, alpha=0.6,
                  color=colours[kind.name], label=f"{kind.name} ({some.sum()})")
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high),
             xlabel="measured, seconds", ylabel="predicted, seconds", title=each.headline())
    axes.legend(fontsize=8, loc="upper left", markerscale=2)


def draw_errors(axes, each: Pass, colours: dict) -> None:
    for width, shade in BANDS:
        axes.axhspan(-100 * width, 100 * width, color=shade, linewidth=0)
    axes.axhline(0, color="0.4", linewidth=0.8)
    sizes = []
    for kind in each.kinds:
        error, spread = kind.errors()
        at = [number for number, ran in zip(kind.operation, kind.ran()) if ran]
        axes.errorbar(at, 100 * error, yerr=100 * spread, fmt=".", markersize=5, linewidth=0.6,
                      alpha=0.6, color=colours[kind.name])
        sizes.append(np.abs(error))
    mean = np.concatenate(sizes).mean()
    axes.set(xlabel="operation of the schedule, ranks one after another",
             ylabel="predicted / measured - 1, %",
             title=f"error of each operation, {mean:.1%} on average; bars: spread of "
                   f"{each.repeats} repeats")


def draw(root: Node):
    root.demand("hsap.validation/1")
    passes = read_passes(root)
    colours = colours_of(passes)
    figure = style.figure(13, 5 * len(passes) + 0.6)
    rows = figure.subplots(len(passes), 2, squeeze=False)
    for each, (left, right) in zip(passes, rows):
        draw_scatter(left, each, colours)
        draw_errors(right, each, colours)
    figure.suptitle(f"{root['strategy'].text()} on {root['ranks'].integer(1, 1 << 20)} ranks as "
                    f"{root['where'].text()}; {root['predicted_as'].text()}", x=0.01, ha="left")
    return figure
