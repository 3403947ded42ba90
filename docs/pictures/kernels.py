#!/usr/bin/python3
"""Draws the pictures of docs/kernels.md next to this file: which tiles of a packed batch a kernel
visits, and how the warpgroups of a block take turns. Illustrations, not measurements."""
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import Patch, Rectangle

HERE = pathlib.Path(__file__).parent
TILE = 128
LENGTHS = [520, 40, 30, 300]
COLORS = {"full": "#4878a8", "border": "#e8a33d", "work": "#4878a8", "softmax": "#e8a33d",
          "copy": "#7fb685", "second": "#8c6bb1", "memory": "#b0b0b0"}


def tiles(lengths):
    """(row, rows, first key, keys end) of causal documents: tiles begin with documents, and short
    ones join the tile before when they fit whole."""
    begins = [sum(lengths[:i]) for i in range(len(lengths))]
    out, begin = [], 0
    ends = [b + n for b, n in zip(begins, lengths)]
    for first, end in zip(begins, ends):
        if end - begin > TILE:
            if first > begin:
                out.append((begin, first - begin))
            begin = first
            while end - begin > TILE:
                out.append((begin, TILE))
                begin += TILE
    out.append((begin, ends[-1] - begin))
    for row, rows in out:
        seen = [b for b, e in zip(begins, ends) if b < row + rows and e > row]
        yield row, rows, seen[0], row + rows


def draw_tiles():
    total = sum(LENGTHS)
    fig, ax = plt.subplots(figsize=(7, 6.4))
    for row, rows, first, end in tiles(LENGTHS):
        for key in range(first, end, TILE):
            inside = any(b <= key and row + rows <= b + n and key + TILE <= row + 1
                         for b, n in zip([sum(LENGTHS[:i]) for i in range(len(LENGTHS))], LENGTHS))
            ax.add_patch(Rectangle((key, row), TILE, rows, linewidth=1, edgecolor="white",
                                   facecolor=COLORS["full" if inside else "border"], alpha=0.75,
                                   clip_on=True))
    begin = 0
    for length in LENGTHS:
        ax.add_patch(plt.Polygon([(begin, begin), (begin, begin + length),
                                  (begin + length, begin + length)], fill=False, linewidth=1.5,
                                 edgecolor="black"))
        begin += length
    ax.set_xlim(0, total)
    ax.set_ylim(total, 0)
    ax.set_aspect("equal")
    ax.set_xlabel("key rows")
    ax.set_ylabel("query rows")
    ax.set_title("Documents of 520, 40, 30 and 300 tokens: tiles of 128 x 128")
    ax.legend(handles=[Patch(facecolor=COLORS["full"], alpha=0.75, label="every pair attends: no mask"),
                       Patch(facecolor=COLORS["border"], alpha=0.75, label="border: masked row by row"),
                       Patch(facecolor="white", edgecolor="black", label="white: never visited")],
              loc="upper right", frameon=True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    fig.tight_layout()
    fig.savefig(HERE / "kernel-tiles.png", dpi=110)


def lanes(ax, title, rows):
    """rows: name -> [(begin, length, color, text)]"""
    for y, (name, boxes) in enumerate(rows.items()):
        for begin, length, color, text in boxes:
            ax.add_patch(Rectangle((begin, y + 0.12), length, 0.76, facecolor=COLORS[color],
                                   alpha=0.85, edgecolor="white"))
            ax.text(begin + length / 2, y + 0.5, text, ha="center", va="center", fontsize=8,
                    color="white" if color != "memory" else "black")
    ax.set_yticks([y + 0.5 for y in range(len(rows))], list(rows))
    ax.set_ylim(len(rows), 0)
    ax.set_xlim(0, 26)
    ax.set_xticks([])
    ax.set_title(title, loc="left", fontsize=10)
    for side in ("top", "right", "bottom", "left"):
        ax.spines[side].set_visible(False)


def draw_pipelines():
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(9, 5.6))
    turn = []
    other = []
    for i in range(3):
        t = 2 + 8 * i
        turn += [(t, 2, "work", f"S{i + 1}"), (t + 2, 2, "second", f"P{i} V"),
                 (t + 4, 3.6, "softmax", f"softmax {i + 1}")]
        other += [(t + 4, 2, "work", f"S{i + 1}"), (t + 6, 2, "second", f"P{i} V"),
                  (t + 8, 3.6, "softmax", f"softmax {i + 1}")]
    lanes(top, "Forward: two consumers take turns at the tensor cores", {
        "producer (TMA)": [(0, 2, "copy", "Q K0")] + [(2 + 8 * i, 5, "copy", f"K{i + 1} V{i}")
                                                      for i in range(3)],
        "consumer 0": turn,
        "consumer 1": [b for b in other if b[0] < 26],
    })
    lanes(bottom, "Backward: one step of a consumer (64 keys x 64 queries), the next waits behind a barrier", {
        "producer (TMA)": [(0, 3, "copy", "Q, lse, delta"), (3, 3, "copy", "dO"),
                           (8, 6, "copy", "next Q, dO, ...")],
        "tensor cores": [(3, 2.5, "work", "S = K Q'"), (6, 2.5, "work", "dP = V dO'"),
                         (10, 3, "second", "dV += P dO"), (16, 3, "second", "dQ = dS' K"),
                         (19, 3, "second", "dK += dS Q")],
        "registers": [(5.7, 4, "softmax", "P = exp(S - lse)"), (10, 4, "softmax", "dS = P (dP - delta)")],
        "shared memory": [(14.2, 1.6, "memory", "write dS")],
        "device memory": [(19.2, 3.5, "memory", "add dQ")],
    })
    fig.tight_layout()
    fig.savefig(HERE / "kernel-pipelines.png", dpi=110)


if __name__ == "__main__":
    draw_tiles()
    draw_pipelines()
