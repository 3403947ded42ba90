"""How time and memory grow with the number of ranks, a column for each scenario.

Input: "hsap.speed/1", as scripts/bench.sh --json writes it. A line for each tool: processor
seconds of preparation and run above, peak memory below, both axes in powers. A line ends where a
run went beyond its limits.
"""
from . import style
from .document import Node

COLOURS = {"hsap": style.BLUE, "hsap network": style.SKY, "hsap network, exact": style.GREEN,
           "SimGrid": style.VERMILION}
MARKERS = "osD^vP*X"
OUTCOMES = ("done", "too slow", "too large", "failed")


class Run:
    def __init__(self, node: Node):
        self.scenario = node["scenario"].text()
        self.tool = node["tool"].text()
        self.ranks = node["ranks"].integer(1, 1 << 30)
        outcome = node["outcome"].text()
        if outcome not in OUTCOMES:
            raise node["outcome"].wrong(" or ".join(OUTCOMES))
        self.done = outcome == "done"
        if self.done:
            self.seconds = node["prepare_s"].number() + node["run_s"].number()
            self.megabytes = node["peak_bytes"].number() / 1e6


def names(runs: list[Run], of: str) -> list[str]:
    """The different scenarios, or tools, in the order of the file."""
    return list(dict.fromkeys(getattr(run, of) for run in runs))


def lines(runs: list[Run], scenario: str) -> dict[str, list[Run]]:
    """The finished runs of a scenario by tool, by ranks."""
    found: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.ranks):
        if run.done and run.scenario == scenario:
            found.setdefault(run.tool, []).append(run)
    return found


def draw_lines(axes, by_tool: dict[str, list[Run]], tools: list[str], measure: str) -> None:
    spare = style.colours(8)
    for tool, runs in by_tool.items():
        place = tools.index(tool)
        axes.plot([run.ranks for run in runs], [getattr(run, measure) for run in runs],
                  label=tool, color=COLOURS.get(tool, spare[place % 8]),
                  marker=MARKERS[place % len(MARKERS)], markersize=5, linewidth=1.6)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.grid(True, which="major", color=style.PALE)


def draw(root: Node):
    root.demand("hsap.speed/1")
    runs = [Run(node) for node in root["rows"].items()]
    if not any(run.done for run in runs):
        raise root["rows"].fail("nothing to draw", "at least one finished run")
    scenarios, tools = names(runs, "scenario"), names(runs, "tool")
    figure = style.figure(3.6 * len(scenarios) + 1.8, 6.2)
    panels = figure.subplots(2, len(scenarios), sharex=True, sharey="row", squeeze=False)
    for column, scenario in enumerate(scenarios):
        by_tool = lines(runs, scenario)
        draw_lines(panels[0][column], by_tool, tools, "seconds")
        draw_lines(panels[1][column], by_tool, tools, "megabytes")
        panels[0][column].set_title(scenario)
        panels[1][column].set_xlabel("ranks")
    ticks = sorted({run.ranks for run in runs})
    panels[0][0].set_xticks(ticks, [str(count) for count in ticks])
    panels[0][0].set_ylabel("processor seconds")
    panels[1][0].set_ylabel("peak memory, MB")
    entries = {}
    for axes in panels[0]:
        handles, labels = axes.get_legend_handles_labels()
        entries.update({label: handle for handle, label in zip(handles, labels)})
    panels[0][-1].legend(list(entries.values()), list(entries), loc="upper left",
                         bbox_to_anchor=(1.01, 1), frameon=False)
    return figure
