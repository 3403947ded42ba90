"""What the pictures share: colours, units and figures."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the back end comes first)
from matplotlib.colors import to_rgb  # noqa: E402

# Okabe and Ito's colours, distinct for all common kinds of colour blindness.
BLUE, ORANGE, GREEN, SKY = "#0072B2", "#E69F00", "#009E73", "#56B4E9"
VERMILION, PURPLE, YELLOW = "#D55E00", "#CC79A7", "#F0E442"
GREY, PALE = "#999999", "#EDEDED"
DISTINCT = [BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW, GREY]

plt.rcParams.update({
    "figure.dpi": 120,
    "savefig.dpi": 120,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
})


def figure(width: float, height: float):
    """An empty figure of so many inches; its parts make room for each other."""
    return plt.figure(figsize=(width, height), layout="constrained")


def colours(count: int) -> list[tuple[float, float, float]]:
    """`count` colours: distinct ones up to eight, then steps through viridis, which is ordered
    for colour-blind readers too, every other one paler so that neighbours differ."""
    if count <= len(DISTINCT):
        return [to_rgb(colour) for colour in DISTINCT[:count]]
    scale = matplotlib.colormaps["viridis"]
    steps = [scale(i / (count - 1))[:3] for i in range(count)]
    return [tuple(1 - (0.6 if i % 2 else 1) * (1 - part) for part in step)
            for i, step in enumerate(steps)]


def seconds_unit(longest: float) -> tuple[float, str]:
    """The factor and the name of the unit in which a duration reads well."""
    for limit, factor, unit in ((2e-3, 1e6, "us"), (2.0, 1e3, "ms")):
        if longest < limit:
            return factor, unit
    return 1.0, "s"


def seconds(duration: float) -> str:
    """Three significant digits with a unit: 12.3 us, 927 ms, 1.01 s."""
    for limit, factor, unit in ((0.9995e-3, 1e6, "us"), (0.9995, 1e3, "ms")):
        if duration < limit:
            return f"{duration * factor:.3g} {unit}"
    return f"{duration:.3g} s" if duration < 999.5 else f"{duration:.0f} s"


def tokens(count: float) -> str:
    """256K, 1.5M, 4097: as the programs print lengths."""
    for unit, suffix in ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")):
        if count >= unit and count % (unit // 2) == 0:
            return f"{count / unit:g}{suffix}"
    return f"{count:g}"


def compact(number: float) -> str:
    """Three significant digits with a decimal suffix: 12.3k, 4.56M."""
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{suffix}"
    return f"{number:.3g}"


def strategy_name(strategy) -> str:
    """A strategy in three short lines; the degrees alone where tokens are not split."""
    u, c = (strategy[key].integer(1, 1 << 20) for key in ("ulysses", "context_parallel"))
    if c == 1:
        return f"U{u} C1"
    return f"U{u} C{c}\n{strategy['exchange'].text()}\n{strategy['layout'].text()}"
