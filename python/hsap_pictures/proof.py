"""A plan held against the truth: error of each tensor, bytes by how far they go.

Input: `hsap-validate run PLAN --json` ("hsap.validation/1").
"""
from . import style
from .document import Node

LEAST = 1e-17  # a log scale has no zero: errors below are drawn here
LINKS = {"local": "rank to itself", "node": "inside nodes", "network": "between nodes"}


class Error:
    """How far one tensor is from float64; None where a number is missing."""

    def __init__(self, node: Node):
        self.name = node["tensor"].text()
        self.relative = node["relative_error"].number() if node.has("relative_error") else None
        self.rank = node["rank"].integer(-1, 1 << 20)
        self.document = node["document"].integer(0, 1 << 30)

    def within(self, tolerance: float) -> bool:
        return self.relative is not None and self.relative <= tolerance

    def height(self, tolerance: float) -> float:
        """A missing number stands well above the tolerance."""
        return max(LEAST, 1e3 * tolerance if self.relative is None else self.relative)


class Traffic:
    """Bytes of one pass on one kind of link."""

    def __init__(self, name: str, node: Node):
        self.name = name
        self.predicted = node["predicted_bytes"].integer(0, 1 << 62)
        self.measured = node["measured_bytes"].integer(0, 1 << 62)


def read_traffic(root: Node) -> list[Traffic]:
    """What moved at all, pass by pass."""
    found = [Traffic(f"{one['pass'].text()}\n{label}", one["links"][key])
             for one in root["passes"].items() for key, label in LINKS.items()]
    return [each for each in found if each.predicted or each.measured]


def draw_errors(axes, errors: list[Error], tolerance: float) -> None:
    heights = [error.height(tolerance) for error in errors]
    bottom = min(*heights, tolerance) / 30
    good = [error.within(tolerance) for error in errors]
    axes.bar(range(len(errors)), [height - bottom for height in heights], 0.62, bottom=bottom,
             color=[style.BLUE if fine else style.VERMILION for fine in good])
    axes.axhline(tolerance, color="black", linestyle="--", linewidth=1.3)
    axes.text(len(errors) - 0.4, tolerance, f"tolerance {tolerance:g}", ha="right", va="bottom")
    for column, error in enumerate(errors):
        size = "missing" if error.relative is None else f"{error.relative:.1e}"
        axes.text(column, heights[column], size, ha="center", va="bottom", fontsize=9)
    axes.set(yscale="log", ylim=(bottom, max(*heights, tolerance) * 5), xticks=range(len(errors)),
             xlim=(-0.6, len(errors) - 0.4), ylabel="largest error / largest number",
             title="error against float64")
    axes.set_xticklabels([f"{error.name}\nrank {error.rank}\ndocument {error.document}"
                          for error in errors], fontsize=9)


def draw_traffic(axes, traffic: list[Traffic]) -> None:
    if not traffic:
        axes.set_axis_off()
        axes.set_title("no bytes moved")
        return
    rows = range(len(traffic))
    axes.barh([row - 0.2 for row in rows], [each.predicted for each in traffic], 0.36,
              color=style.GREY, label="predicted")
    axes.barh([row + 0.2 for row in rows], [each.measured for each in traffic], 0.36,
              color=[style.GREEN if each.predicted == each.measured else style.VERMILION
                     for each in traffic], label="measured")
    for row, each in enumerate(traffic):
        axes.text(each.measured, row + 0.2, f" {style.compact(each.measured)}", va="center",
                  fontsize=9)
    agree = all(each.predicted == each.measured for each in traffic)
    axes.set(yticks=rows, xlabel="bytes", title="bytes moved: measured equals predicted" if agree
             else "bytes moved: measured and predicted DIFFER")
    axes.set_yticklabels([each.name for each in traffic], fontsize=9)
    axes.xaxis.set_major_formatter(lambda value, _: style.compact(value))
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)


def draw(root: Node):
    root.demand("hsap.validation/1")
    tolerance = root["tolerance"].number()
    errors = [Error(node) for node in root["tensors"].items()]
    if not errors or tolerance <= 0:
        raise root.fail("nothing to draw", "tensors, and a tolerance above 0")
    figure = style.figure(13, 5)
    left, right = figure.subplots(1, 2)
    draw_errors(left, errors, tolerance)
    draw_traffic(right, read_traffic(root))
    verdict = "right" if root["right"].boolean() else "WRONG"
    figure.suptitle(f"{root['strategy'].text()} on {root['ranks'].integer(1, 1 << 20)} ranks: "
                    f"{verdict}", x=0.01, ha="left")
    return figure
