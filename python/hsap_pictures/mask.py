"""The packed mask: which queries attend to which keys, and which shard computes it.

Input: "hsap.layout/1". Rows are queries and columns are keys, coloured by the shard that holds the
query. A pixel stands for many tokens of a long context, so everything is computed on one row of
tokens a pixel, not on tokens.
"""
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.cm import ScalarMappable
from matplotlib.patches import Patch

from . import style
from .document import Node

MOST_PIXELS = 1000
MOST_TOKENS = 1 << 30
MOST_WORK_TOKENS = 1 << 24  # beyond, the work of a shard is not counted token by token
MOST_OUTLINES = 600         # documents
MOST_BORDERS = 40           # between shards
KINDS = ("full", "causal", "inverse_causal", "bi_causal")


class Layout:
    """The document, checked, as arrays."""

    def __init__(self, root: Node):
        root.demand("hsap.layout/1")
        self.tokens = root["tokens"].integer(1, MOST_TOKENS)
        self.mask = root["mask"].text()
        self.documents = np.array(
            [item.integer(1, self.tokens) for item in root["documents"].items()], dtype=np.int64)
        self.slices = [self._slice(item) for item in root["slices"].items()]
        self.shards = [[self._interval(interval) for interval in shard.items()]
                       for shard in root["shards"].items()]
        if not self.shards:
            raise root["shards"].wrong("at least one shard")
        if self.documents.sum() != self.tokens:
            raise root["documents"].wrong(f"lengths with a sum of {self.tokens}")

    def _slice(self, node: Node):
        cells = node.items()
        if len(cells) != 5 or cells[4].value not in KINDS:
            raise node.wrong("[q0, q1, k0, k1, kind], kind one of " + ", ".join(KINDS))
        q0, q1, k0, k1 = (cell.integer(0, self.tokens) for cell in cells[:4])
        return q0, q1, k0, k1, cells[4].value

    def _interval(self, node: Node):
        cells = node.items()
        if len(cells) != 3:
            raise node.wrong("[begin, end, stride]")
        begin, end = (cell.integer(0, self.tokens) for cell in cells[:2])
        return begin, end, cells[2].integer(1, MOST_TOKENS)


def seen_keys(piece, queries):
    """First and one past the last key that each query of a slice sees."""
    q0, q1, k0, k1, kind = piece
    row = queries - q0
    slack = (k1 - k0) - (q1 - q0)
    first = k0 + row if kind in ("inverse_causal", "bi_causal") else np.full_like(row, k0)
    last = k0 + row + slack + 1 if kind in ("causal", "bi_causal") else np.full_like(row, k1)
    first, last = np.clip(first, k0, k1), np.clip(last, k0, k1)
    return first, np.maximum(first, last)


def coverage(layout: Layout, pixels: int):
    """Share of each pixel that is not masked, shape [pixels, pixels]."""
    scale = pixels / layout.tokens
    queries = np.minimum(((np.arange(pixels) + 0.5) / scale).astype(np.int64), layout.tokens - 1)
    # Add the step of each edge at its pixel; the running sum over columns fills between them.
    steps = np.zeros((pixels, pixels + 2))
    for piece in layout.slices:
        rows = np.arange(*np.searchsorted(queries, piece[:2]))
        for edges, sign in zip(seen_keys(piece, queries[rows]), (1.0, -1.0)):
            at = edges * scale
            pixel = np.floor(at).astype(np.int64)
            inside = at - pixel  # the part of the pixel before the edge
            np.add.at(steps, (rows, pixel), sign * (1 - inside))
            np.add.at(steps, (rows, pixel + 1), sign * inside)
    return np.clip(np.cumsum(steps, axis=1)[:, :pixels], 0, 1)


def rows_of_interval(interval, scale: float, pixels: int):
    """The pixel rows on which an interval has tokens."""
    begin, end, stride = interval
    if end <= begin:
        return np.arange(0)
    if stride * scale > 1:
        return np.unique((np.arange(begin, end, stride) * scale).astype(np.int64))
    return np.arange(int(begin * scale), min(pixels, int((end - 1) * scale) + 1))


def owners(layout: Layout, pixels: int):
    """The shard that each pixel row is coloured by. Rows that several shards share, as striped
    ones do, take turns."""
    present = np.zeros((pixels, len(layout.shards)), dtype=bool)
    for number, shard in enumerate(layout.shards):
        for interval in shard:
            present[rows_of_interval(interval, pixels / layout.tokens, pixels), number] = True
    owner = np.full(pixels, -1)
    for row in range(pixels):
        shards = np.flatnonzero(present[row])
        if len(shards) > 0:
            owner[row] = shards[row % len(shards)]
    return owner


def shard_work(layout: Layout):
    """Unmasked pairs of each shard's queries over their mean, or None when there are too many
    tokens to count."""
    if layout.tokens > MOST_WORK_TOKENS:
        return None
    seen = np.zeros(layout.tokens, dtype=np.int64)
    for piece in layout.slices:
        queries = np.arange(piece[0], piece[1])
        first, last = seen_keys(piece, queries)
        seen[piece[0]:piece[1]] += last - first
    work = np.array([sum(seen[begin:end:stride].sum() for begin, end, stride in shard)
                     for shard in layout.shards], dtype=float)
    return work / max(work.mean(), 1e-300)


def paint(share, owner, palette):
    """Pixels in the colour of their row's shard: a tint where masked, so that the shards show, and
    stronger where more is attended."""
    strength = np.where(share > 0, 0.4 + 0.6 * share, 0.13)[:, :, np.newaxis]
    colour = np.array(palette + [style.to_rgb(style.GREY)])[owner][:, np.newaxis, :]
    return 1 - strength * (1 - colour)


def outline_documents(axes, layout: Layout) -> None:
    ends = np.cumsum(layout.documents)
    starts = ends - layout.documents
    visible = layout.documents * MOST_PIXELS >= 3 * layout.tokens
    boxes = [[(a, a), (b, a), (b, b), (a, b), (a, a)]
             for a, b in zip(starts[visible], ends[visible])]
    if 1 < len(boxes) <= MOST_OUTLINES or len(boxes) == len(layout.documents) == 1:
        axes.add_collection(LineCollection(boxes, colors="#444444", linewidths=0.5))


def outline_shards(axes, layout: Layout, owner) -> None:
    borders = (np.flatnonzero(np.diff(owner)) + 1) * (layout.tokens / len(owner))
    if len(borders) > MOST_BORDERS:
        return  # the tints say it without covering what is between the lines
    lines = [[(0, at), (layout.tokens, at)] for at in borders]
    axes.add_collection(LineCollection(lines, colors="black", linewidths=0.5, linestyles=(0, (4, 3))))


def label_axes(axes, layout: Layout) -> None:
    ticks = np.linspace(0, layout.tokens, 5)
    names = [style.tokens(round(tick)) for tick in ticks]
    axes.set(xlim=(0, layout.tokens), ylim=(layout.tokens, 0), xlabel="key (token)",
             ylabel="query (token)", xticks=ticks, yticks=ticks, xticklabels=names,
             yticklabels=names)
    documents = len(layout.documents)
    axes.set_title(f"{layout.mask} mask: {style.tokens(layout.tokens)} tokens in {documents} "
                   f"document{'s' if documents > 1 else ''}, {len(layout.shards)} "
                   f"shard{'s' if len(layout.shards) > 1 else ''}")


def draw_work(axes, work, palette) -> None:
    shards = np.arange(len(work))
    axes.barh(shards, work, color=palette, height=0.8)
    axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
    axes.set(ylim=(len(work) - 0.5, -0.5), xlim=(0, max(1.25, 1.12 * work.max())),
             xlabel="work / mean", ylabel="context shard")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_title(f"max {work.max():.2f} x mean")
    if len(work) <= 16:
        axes.set_yticks(shards)
        for shard, value in zip(shards, work):
            axes.text(0.03, shard, f"{value:.2f}", va="center", fontsize=8,
                      transform=axes.get_yaxis_transform(), color="white",
                      bbox={"boxstyle": "round,pad=0.15", "fc": "#00000088", "ec": "none"})


def draw_key(figure, axes, palette) -> None:
    """Names the colours where no bars do."""
    if len(palette) <= len(style.DISTINCT):
        axes.legend(handles=[Patch(color=colour, label=f"shard {i}")
                             for i, colour in enumerate(palette)], loc="upper right")
        return
    norm = BoundaryNorm(np.arange(len(palette) + 1) - 0.5, len(palette))
    figure.colorbar(ScalarMappable(norm, ListedColormap(palette)), ax=axes, label="context shard")


def draw(root: Node):
    layout = Layout(root)
    pixels = min(MOST_PIXELS, layout.tokens)
    palette = style.colours(len(layout.shards))
    owner = owners(layout, pixels)
    work = shard_work(layout)
    figure = style.figure(10.5, 8)
    axes = figure.add_gridspec(1, 2, width_ratios=(4, 1)).subplots() if work is not None \
        else [figure.subplots()]
    axes[0].imshow(paint(coverage(layout, pixels), owner, palette), interpolation="nearest",
                   extent=(0, layout.tokens, layout.tokens, 0), aspect="equal")
    outline_documents(axes[0], layout)
    outline_shards(axes[0], layout, owner)
    label_axes(axes[0], layout)
    if work is not None:
        draw_work(axes[1], work, palette)
    else:
        draw_key(figure, axes[0], palette)
    return figure
