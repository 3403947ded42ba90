"""Measured against fitted: every row of the tables, and its error over the size.

Input: `hsap-topo calibrate --json` ("hsap.calibration/1").
"""
from . import style
from .document import Node

MOST_GROUPS = 24  # more do not fit beside the picture


class Row:
    """One measurement and what the fitted cluster makes of it."""

    def __init__(self, node: Node):
        self.kind = node["kind"].text()
        self.group = node["group"].text()
        self.size = node["size"].number()
        self.measured = node["measured_s"].number()
        self.fitted = node["fitted_s"].number()
        if min(self.size, self.measured, self.fitted) <= 0:
            raise node.wrong("a size and times above 0")

    def error(self) -> float:
        return self.fitted / self.measured - 1


def grouped(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows by group in the order of the tables; what is too much becomes "other rows"."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        known = row.group in groups or len(groups) < MOST_GROUPS
        groups.setdefault(row.group if known else "other rows", []).append(row)
    return groups


def mape(rows: list[Row]) -> float:
    return sum(abs(row.error()) for row in rows) / len(rows)


def draw_times(axes, kind: str, groups: dict[str, list[Row]], colours) -> None:
    times = [time for rows in groups.values() for row in rows
             for time in (row.measured, row.fitted)]
    ends = (min(times) / 1.5, max(times) * 1.5)
    axes.plot(ends, ends, color="black", linewidth=1)
    for (name, rows), colour in zip(groups.items(), colours):
        axes.plot([row.measured for row in rows], [row.fitted for row in rows], ".", markersize=6,
                  color=colour)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="measured, seconds",
             ylabel="fitted, seconds", title=f"{kind}: fitted against measured")


def draw_errors(axes, kind: str, groups: dict[str, list[Row]], colours) -> None:
    axes.axhline(0, color="black", linewidth=1)
    for (name, rows), colour in zip(groups.items(), colours):
        rows = sorted(rows, key=lambda row: row.size)
        axes.plot([row.size for row in rows], [100 * row.error() for row in rows], ".-",
                  markersize=5, linewidth=0.6, color=colour,
                  label=f"{name}: {len(rows)} rows, {100 * mape(rows):.1f} %")
    axes.set(xlabel="tokens of the longer side" if kind == "kernels" else "bytes of a message",
             ylabel="error, percent", title=f"{kind}: error, with the mean of its size by group")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: style.tokens(value))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8)


def draw(root: Node):
    root.demand("hsap.calibration/1")
    rows = [Row(node) for node in root["rows"].items()]
    if not rows:
        raise root.fail("nothing to draw", "rows")
    kinds = list(dict.fromkeys(row.kind for row in rows))
    figure = style.figure(16, 5.2 * len(kinds))
    for line, kind in zip(figure.subplots(len(kinds), 2, squeeze=False), kinds):
        groups = grouped([row for row in rows if row.kind == kind])
        colours = style.colours(len(groups))
        draw_times(line[0], kind, groups, colours)
        draw_errors(line[1], kind, groups, colours)
    figure.suptitle(f"{root['cluster']['name'].text()}: {len(root['numbers'].items())} numbers "
                    f"fitted to {len(rows)} rows", x=0.01, ha="left")
    return figure
