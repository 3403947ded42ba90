"""The training step by parts, strategies side by side, with the bound as a line.

Input: a plan ("hsap.plan/1": the winner and its runners-up), a sweep of hsap-sim ("hsap.sweep/1": a
bar for each strategy) or one prediction ("hsap.prediction/1": a bar for each batch). Groups of
different size leave room for different numbers of data-parallel replicas, so the bars of a plan or a
sweep show the time that the whole cluster takes for one batch: the step divided by its batches.
"""
from . import style
from .document import Node

WHOLE = "whole step"  # what comes without a breakdown
MOST_BARS = 16
ROUNDING_S = 1e-9  # a part that is a difference may fall this far below zero
# From the bottom of a bar: attention first, so that its bound is a height to compare with.
COLOURS = {
    "attention_compute": style.BLUE,
    "attention_exposed_communication": style.ORANGE,
    "attention_idle": "#DDDDDD",
    "linear": style.GREEN,
    "recompute": style.SKY,
    "embedding_and_logits": style.PURPLE,
    "tensor_parallel": style.VERMILION,
    "expert_dispatch": "#7A5C3E",
    "waiting_for_host": "#C7D4E2",
    "data_parallel": style.YELLOW,
    "optimizer": style.GREY,
    "pipeline_bubble": "#E8DCC0",
    "waiting_for_replicas": "#F2C9C9",
    WHOLE: "#BBBBBB",
}


class Bar:
    """A strategy or batch: seconds by part."""

    def __init__(self, name: str, parts: dict[str, float], bound: float | None):
        self.name = name
        self.parts = parts
        self.bound = bound

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def parts_of(node: Node, batches: int) -> dict[str, float]:
    """The breakdown of a step of so many batches or of an alternative, or the whole where there is
    none."""
    if node.has("breakdown"):
        return {name: max(0.0, part.number(-ROUNDING_S)) / batches
                for name, part in node["breakdown"].members()}
    return {WHOLE: node["seconds"].number() / batches}


def bound_of(figures: Node, layers: int, mesh: Node) -> float:
    """Least time of attention for one batch, in all layers of a pipeline stage."""
    stages = mesh["pipeline_parallel"].integer(1, 1 << 10) if mesh.has("pipeline_parallel") else 1
    groups = mesh["replicas"].integer(1, 1 << 30) * stages
    return figures["bound"]["total_s"].number() * layers / groups


def batches_of(node: Node, given: Node) -> int:
    """Batches of one step: as `given` says, otherwise one of each replica of `node`. Files that hsap-sim
    wrote before it told the replicas have neither."""
    if given.has("global_batch"):
        return given["global_batch"].integer(1, 1 << 40)
    return node["replicas"].integer(1, 1 << 30) if node.has("replicas") else 1


def read_plan(root: Node) -> list[Bar]:
    model = root["problem"]["model"]
    predicted = root["predicted"]
    if not predicted.has("step"):
        raise predicted.fail("no training step", "a plan for a model with layers")
    layers = model["layers"].integer(1, 1 << 20)
    training = root["training"]
    bars = [Bar(style.strategy_name(root["strategy"]),
                parts_of(predicted["step"], batches_of(root["mesh"], training)),
                bound_of(predicted, layers, root["mesh"]))]
    for other in root["runners_up"].items():
        bars.append(Bar(style.strategy_name(other["strategy"]),
                        parts_of(other, batches_of(other, training)), None))
    return bars


def read_batches(root: Node) -> list[Bar]:
    """The batches of a prediction."""
    bars = []
    for number, batch in enumerate(root["batches"].items()):
        if not batch.has("step"):
            raise batch.fail("no training step", "a prediction with --model")
        bars.append(Bar(f"batch {number}", parts_of(batch["step"], 1), None))
    return bars


def read_sweep(root: Node) -> list[Bar]:
    """The strategies of a sweep: the step of all their replicas."""
    bars = []
    for prediction in root["predictions"].items()[:MOST_BARS]:
        # Files that hsap-sim wrote before it told the step of all replicas have none.
        whole = prediction if prediction.has("step") else prediction["summary"]["mean"]
        if not whole.has("step"):
            raise whole.fail("no training step", "a prediction with --model")
        bars.append(Bar(style.strategy_name(prediction["strategy"]),
                        parts_of(whole["step"], batches_of(prediction, prediction)), None))
    return bars


def part_names(bars: list[Bar]) -> list[str]:
    """The parts that take any time, in the order of the colours, then any new ones by name."""
    found = {name for bar in bars for name, seconds in bar.parts.items()
             if seconds > ROUNDING_S}
    return [name for name in COLOURS if name in found] + sorted(found - set(COLOURS))


def stack(axes, bars: list[Bar], factor: float) -> None:
    names = part_names(bars)
    below = [0.0] * len(bars)
    for name in names:
        heights = [bar.parts.get(name, 0.0) * factor for bar in bars]
        axes.bar(range(len(bars)), heights, 0.62, bottom=below, label=name.replace("_", " "),
                 color=COLOURS.get(name, "#666666"), edgecolor="white", linewidth=0.5,
                 hatch="//" if name == WHOLE else None)
        below = [low + height for low, height in zip(below, heights)]
    for column, bar in enumerate(bars):
        axes.text(column, below[column], f"{bar.total * factor:.4g}", ha="center", va="bottom",
                  fontsize=9, weight="bold" if column == 0 else "normal")


def label(axes, bars: list[Bar], title: str, measure: str) -> None:
    axes.set(xticks=range(len(bars)), xlim=(-0.6, len(bars) - 0.4), ylabel=measure, title=title)
    axes.set_xticklabels([bar.name for bar in bars], fontsize=9)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.01, 1),
                frameon=False)


# Schema -> reader, title, what the bars measure.
FORMS = {
    "hsap.plan/1": (read_plan, "the plan and its runners-up", "time of the cluster per batch"),
    "hsap.sweep/1": (read_sweep, "training step by strategy", "time of the cluster per batch"),
    "hsap.prediction/1": (read_batches, "training step by batch", "step"),
}


def draw(root: Node):
    if root.schema() not in FORMS:
        raise Node(root.schema() or "none", root.file, "/schema").wrong(" or ".join(FORMS))
    reader, title, measure = FORMS[root.schema()]
    bars = reader(root)
    highest = max((max(bar.total, bar.bound or 0) for bar in bars), default=0)
    if highest <= 0:
        raise root.fail("nothing to draw", "a step that takes time")
    factor, unit = style.seconds_unit(highest)
    figure = style.figure(min(20, 4.5 + 1.35 * len(bars)), 6)
    axes = figure.subplots()
    stack(axes, bars, factor)
    if bars[0].bound is not None:
        axes.axhline(bars[0].bound * factor, color="black", linestyle="--", linewidth=1.3,
                     label="bound of attention")
    label(axes, bars, title, f"{measure} ({unit})")
    axes.set_ylim(0, 1.08 * highest * factor)
    return figure
