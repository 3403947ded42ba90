#!/usr/bin/env python3
"""Fits the attention-kernel constants of topologies/*.json to published measurements.

  scripts/fit_kernels.py DIRECTORY    prints constants and errors of every kernel

DIRECTORY holds flash_kernels.csv, attention_kernel_tflops.csv and cudnn_attention_h200.csv. The
model is that of src/cost/attention.cpp for one slice, written a second time: tiles are counted one
block at a time here, so the two check each other. Rows below 2,048 tokens are shown but not
fitted, since they tell of the host and the launch. Needs nothing but Python.
"""
import csv
import math
import pathlib
import sys
from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True)
class Kernel:
    multiprocessors: int
    backward: bool
    tile_query: int
    tile_key: int
    fa2_forward: bool  # splits long walks of few blocks; starts the longest blocks last
    flop_per_s: float
    block_overhead_s: float
    launch_s: float
    lone_block_rate: float


@dataclass(frozen=True)
class Row:
    name: str
    queries: int
    keys: int
    heads: int
    causal: bool
    seconds: float


@lru_cache(maxsize=None)
def walks(queries, keys, causal, tile_query, tile_key, backward):
    """Blocks per head, tiles in all, tiles of the longest and of the shortest block."""
    if backward:  # a block owns a key tile; causal squares look the same from both sides
        queries, keys, tile_query, tile_key = keys, queries, tile_key, tile_query
    blocks = math.ceil(queries / tile_query)
    tiles = []
    for block in range(blocks):
        end = min(queries, (block + 1) * tile_query)
        if not causal:
            tiles.append(math.ceil(keys / tile_key))
        elif backward:  # owned row r is seen by columns r and later
            tiles.append(math.ceil(keys / tile_key) - block * tile_query // tile_key)
        else:
            tiles.append(math.ceil(end / tile_key))
    return blocks, sum(tiles), max(tiles), min(tiles)


def seconds(kernel, row):
    blocks, tiles, longest, shortest = walks(row.queries, row.keys, row.causal, kernel.tile_query,
                                             kernel.tile_key, kernel.backward)
    sms = kernel.multiprocessors
    count, tiles = blocks * row.heads, tiles * row.heads
    if kernel.fa2_forward and count < 0.8 * sms:
        parts = min(max(1, 2 * sms // count), max(1, longest))
        count, longest, shortest = count * parts, math.ceil(longest / parts), shortest // parts
    flop = 4 * kernel.tile_query * kernel.tile_key * 128 * (2.5 if kernel.backward else 1)
    tile_s = flop * sms / kernel.flop_per_s
    block = lambda tiles: kernel.block_overhead_s + tiles * tile_s
    waves = count / sms
    work = count * kernel.block_overhead_s + tiles * tile_s
    tail = block(shortest) * (math.ceil(waves) - waves)
    if kernel.fa2_forward:
        tail += (block(longest) - block(shortest)) / 2
    return kernel.launch_s + max(work / sms + tail, block(longest) / kernel.lone_block_rate)


def is_long(row):
    return max(row.queries, row.keys) >= 2048


def loss(kernel, rows):
    return sum(abs(math.log(seconds(kernel, row) / row.seconds)) for row in rows) / len(rows)


def fit(kernel, rows):
    """Coordinate descent with shrinking steps; the constants are few and nearly independent."""
    best = loss(kernel, rows)
    # A launch beyond these would hide work that grows with the tokens.
    launches = (8e-6, 20e-6) if kernel.backward else (3e-6, 20e-6)
    names = ["flop_per_s", "block_overhead_s", "launch_s"]
    if any(row.heads == 1 for row in rows):
        names.append("lone_block_rate")
    step = 0.5
    while step > 1e-3:
        improved = False
        for name in names:
            for factor in (1 + step, 1 / (1 + step)):
                value = getattr(kernel, name) * factor
                if name == "lone_block_rate":
                    value = min(1.0, value)
                if name == "launch_s":
                    value = min(max(value, launches[0]), launches[1])
                trial = replace(kernel, **{name: value})
                error = loss(trial, rows)
                if error < best - 1e-9:
                    kernel, best, improved = trial, error, True
        if not improved:
            step /= 2
    return kernel


def flash_rows(directory, gpu, column):
    for line in csv.DictReader(open(directory / "flash_kernels.csv")):
        if line["gpu"] == gpu:
            a, b = (int(x) for x in line["qkv_ratio"].split("/"))
            length, causal = int(line["seq"]), line["causal"] == "1"
            yield Row(f"{length}x{line['qkv_ratio']} {line['heads']}h {'c' if causal else 'f'}",
                      length * a, length * b, int(line["heads"]), causal,
                      float(line[column]) * 1e-6)


def tflops_rows(directory, gpu, which, kernel):
    for line in csv.DictReader(open(directory / "attention_kernel_tflops.csv")):
        if (line["gpu"], line["pass"], line["kernel"]) == (gpu, which, kernel) and \
                line["mask"] in ("full", "causal"):
            length, causal = int(line["seq"]), line["mask"] == "causal"
            pairs = length * (length + 1) // 2 if causal else length * length
            flop = 4 * pairs * 64 * 128 * (2.5 if which == "bwd" else 1)
            yield Row(f"{length} {'c' if causal else 'f'}", length, length, 64, causal,
                      flop / float(line["tflops(+-3)"]) * 1e-12)


def cudnn_rows(directory, which):
    for line in csv.DictReader(open(directory / "cudnn_attention_h200.csv")):
        for mask in ("causal", "full"):
            length = int(line["seq_len"])
            yield Row(f"{length} {mask[0]}", length, length, 64, mask == "causal",
                      float(line[f"{which}_{mask}_ms"]) * 1e-3)


def report(title, start, rows):
    rows = list(rows)
    fitted = [row for row in rows if is_long(row)]
    kernel = fit(start, fitted)
    errors = [(seconds(kernel, row) / row.seconds - 1, row.name) for row in fitted]
    mape = sum(abs(error) for error, _ in errors) / len(errors)
    worst = max(errors, key=lambda error: abs(error[0]))
    print(f"{title}: tiles {kernel.tile_query}x{kernel.tile_key}, "
          f"{kernel.flop_per_s / 1e12:.0f} TFLOP/s, block {kernel.block_overhead_s * 1e6:.2f} us, "
          f"launch {kernel.launch_s * 1e6:.1f} us, lone {kernel.lone_block_rate:.2f}: "
          f"{len(fitted)} rows, MAPE {mape:.1%}, "
          f"worst {worst[0]:+.1%} ({worst[1]})")
    return kernel, rows


def main():
    directory = pathlib.Path(sys.argv[1])
    forward = Kernel(0, False, 128, 128, False, 4e14, 2e-6, 1e-5, 1.0)
    backward = replace(forward, backward=True, tile_query=64)
    for title, sms, gpu in [("A800", 108, "A800"), ("H800", 132, "H800")]:
        report(f"{title} FlashAttention-2 forward",
               replace(forward, multiprocessors=sms, tile_key=64, fa2_forward=True),
               flash_rows(directory, gpu, "fwd_us"))
        report(f"{title} FlashAttention-2 backward", replace(backward, multiprocessors=sms),
               flash_rows(directory, gpu, "bwd_us"))
    for gpu, sms, name in [("h100", 132, "fa2"), ("h100", 132, "fa3"), ("h100", 132, "cudnn"),
                           ("b200", 148, "sdpa"), ("b200", 148, "ffa_fa4")]:
        for which, start in [("fwd", forward), ("bwd", backward)]:
            report(f"{gpu} {name} {which}", replace(start, multiprocessors=sms),
                   tflops_rows(directory, gpu, which, name))
    for which, start in [("fwd", forward), ("bwd", backward)]:
        report(f"H200 cuDNN {which}", replace(start, multiprocessors=132),
               cudnn_rows(directory, which))


if __name__ == "__main__":
    main()
