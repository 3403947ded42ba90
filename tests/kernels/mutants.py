#!/usr/bin/env python3
"""Writes a C++ test of attention kernels with planted mistakes, which the emulation must notice.

usage: mutants.py source_root output.cpp

A mutant is a copy of the kernel's headers in a namespace of its own, with one piece of text
replaced. The text must occur once, so that a mutant cannot lose its mistake when kernels change.
"""

import pathlib
import re
import sys

# Kernel -> (what is wrong, header, text, its replacement).
MUTANTS = {
    "ForwardPortable<64>": [
        (
            "no wait for keys",
            "forward_portable.hpp",
            "gpu::copy_async_wait<0>();\n      gpu::sync_block();  // keys",
            "gpu::sync_block();  // keys",
        ),
        (
            "no wait for values",
            "forward_portable.hpp",
            "gpu::copy_async_wait<0>();\n      gpu::sync_block();  // values",
            "gpu::sync_block();  // values",
        ),
        (
            "no barrier before values are overwritten",
            "forward_portable.hpp",
            "gpu::sync_block();  // keys",
            "// keys",
        ),
        (
            "no barrier before keys are overwritten",
            "forward_portable.hpp",
            "gpu::sync_block();  // values",
            "// values",
        ),
        (
            "no rescaling of o",
            "forward_portable.hpp",
            "softmax[i].shrink(o[i]);",
            "",
        ),
        (
            "no rescaling of sums",
            "softmax.hpp",
            "sum_[row] * shrink_[row] + sum",
            "sum_[row] + sum",
        ),
        ("one column too many on the right", "softmax.hpp", "column >= end", "column > end"),
        ("one column too few on the left", "softmax.hpp", "column < begin", "column <= begin"),
        (
            "halves of B exchanged",
            "warp_tiles.hpp",
            "left[i], right[0], right[2]",
            "left[i], right[0], right[1]",
        ),
        (
            "a counter that is set back too early",
            "next_unit.hpp",
            "units + gpu::block_count() - 1",
            "units",
        ),
        (
            "an old result that does not count",
            "softmax.hpp",
            "sum.x += weights[r].keep * old.x;",
            "sum.x += old.x;",
        ),
    ],
    "BackwardPortable<64>": [
        ("no wait for queries", "backward_portable.hpp", "gpu::copy_async_wait<0>();", ""),
        (
            "no barrier before queries and dS are overwritten",
            "backward_portable.hpp",
            "gpu::sync_block();  // the step",
            "// the step",
        ),
        (
            "no barrier before dS is read",
            "backward_portable.hpp",
            "gpu::sync_block();  // dS",
            "// dS",
        ),
        (
            "next queries in the place of the current ones",
            "backward_portable.hpp",
            "(stage ^ 1) * QueryTile::bytes",
            "stage * QueryTile::bytes",
        ),
        (
            "rows beyond the tile that count",
            "backward_portable.hpp",
            "tile.rows < keys || ",
            "",
        ),
        (
            "queries of log-sum-exp -inf that count",
            "gradients.hpp",
            "lse == minus_infinity ? -minus_infinity : lse * log2_e",
            "lse * log2_e",
        ),
        ("one column too many on the right", "softmax.hpp", "column >= end", "column > end"),
        ("one column too few on the left", "softmax.hpp", "column < begin", "column <= begin"),
        (
            "scores exchanged with their gradients",
            "backward_portable.hpp",
            "multiply_crossed(dk, ds16, q);",
            "multiply_crossed(dk, p16, q);",
        ),
    ],
    "ForwardHopper<64>": [
        ("no wait for queries", "forward_hopper.hpp",
         "gpu::mbarrier_wait(base + q_full_at, q_parity);", ""),
        ("no wait for an empty place", "forward_hopper.hpp",
         "gpu::mbarrier_wait(empty + 8 * stage.index(), stage.parity() ^ 1);",
         "static_cast<void>(empty);"),
        ("no wait for values", "forward_hopper.hpp",
         "gpu::mbarrier_wait(base + v_full_at + 8 * stage.index(), stage.parity());\n"
         "      multiply_values", "multiply_values"),
        ("no wait for scores", "forward_hopper.hpp", "gpu::wgmma_wait<1>();", ""),
        ("no wait for outputs", "forward_hopper.hpp",
         "gpu::wgmma_wait<0>();\n      gpu::hold_registers(o);", ""),
        ("no fence of registers", "forward_hopper.hpp",
         "Weights& p, gpu::SharedAddress v) {\n    gpu::wgmma_fence();",
         "Weights& p, gpu::SharedAddress v) {"),
        ("a descriptor that does not step along keys", "forward_hopper.hpp",
         "gpu::crossed_operand(v, keys, 0, 16 * step)", "gpu::crossed_operand(v, keys, 0, 16)"),
        ("a descriptor that does not step along head_dim", "forward_hopper.hpp",
         "gpu::contracted_operand(k, keys, 0, 16 * step)",
         "gpu::contracted_operand(k, keys, 0, 16)"),
        ("keys released before they were read", "forward_hopper.hpp",
         "take_turn(consumer);\n        multiply_keys",
         "release(base + k_empty_at + 8 * ahead.index());\n"
         "        take_turn(consumer);\n        multiply_keys"),
        ("a counter that is not set back", "next_unit.hpp",
         "units + gpu::block_count() - 1", "units + gpu::block_count()"),
        ("a turn that is not passed on", "forward_hopper.hpp",
         "pass_turn(consumer);\n        gpu::wgmma_wait<1>();", "gpu::wgmma_wait<1>();"),
        ("no rescaling of o", "forward_hopper.hpp", "softmax.shrink(o);", ""),
        ("one column too many on the right", "softmax.hpp", "column >= end", "column > end"),
    ],
    "BackwardHopper<64>": [
        ("no wait for queries", "backward_hopper.hpp",
         "gpu::mbarrier_wait(base + q_full_at + 8 * stage.index(), stage.parity());", ""),
        ("no wait for score gradients", "backward_hopper.hpp",
         "gpu::wgmma_wait<0>();\n    accumulate(dv", "accumulate(dv"),
        ("no wait for gradients of queries", "backward_hopper.hpp", "gpu::wgmma_wait<1>();\n"
         "    gpu::hold_registers(dv);", ""),
        ("lanes that may miss a tile's phase", "backward_hopper.hpp",
         "gpu::sync_warp();\n      if (over)", "if (over)"),
        ("lanes that may miss a step's phase", "backward_hopper.hpp",
         "gpu::sync_warp();\n    if (leads) {\n      const gpu::SharedAddress full = base + dout_full_at",
         "if (leads) {\n      const gpu::SharedAddress full = base + dout_full_at"),
        ("no fence of dS", "backward_hopper.hpp", "gpu::fence_async_proxy();", ""),
        ("no barrier before dS is read", "backward_hopper.hpp",
         "gpu::named_barrier_sync(1, gpu::warpgroup_size * consumers);", ""),
        ("one place for dS", "backward_hopper.hpp", "ds_at + stage.index() * ds_bytes", "ds_at"),
        ("queries released before they were read", "backward_hopper.hpp",
         "accumulate(dk, ds16, q);",
         "release(base + q_empty_at + 8 * stage.index());\n    accumulate(dk, ds16, q);"),
        ("a descriptor that does not step along keys", "backward_hopper.hpp",
         "gpu::crossed_operand(ds, keys, 0, key)", "gpu::crossed_operand(ds, keys, 0, 0)"),
        ("both halves of dQ from the same columns", "backward_hopper.hpp",
         "gpu::crossed_operand(k, keys, HeadDim / 2 * consumer, key)",
         "gpu::crossed_operand(k, keys, 0 * consumer, key)"),
        ("rows beyond the tile that count", "backward_hopper.hpp", "tile.rows < keys || ", ""),
        ("a scale that is missing", "backward_hopper.hpp", "add_queries(on, dq, steps,",
         "for (float& x : dq) x /= on.work.scale;\n    add_queries(on, dq, steps,"),
    ],
}

FOLDER = "kernels/attention/"
SHARED = FOLDER + "arguments.hpp"  # one for all, since tests name its types


def expand(root, name, change, seen, includes):
    """The header with those of its folder in place; other includes are collected."""
    text = (root / FOLDER / name).read_text()
    if change and change[0] == name:
        if text.count(change[1]) != 1:
            sys.exit(f"mutants.py: {text.count(change[1])} times in {name}: {change[1]}")
        text = text.replace(change[1], change[2])
        change.clear()
    lines = []
    for line in text.splitlines():
        include = re.fullmatch(r'#include ["<](.*)[">]', line)
        if line == "#pragma once":
            continue
        if not include:
            lines.append(line)
        elif include[1].startswith(FOLDER) and include[1] != SHARED:
            inner = include[1].removeprefix(FOLDER)
            if inner not in seen:
                seen.add(inner)
                lines.append(expand(root, inner, change, seen, includes))
        else:
            includes.add(line)
    return "\n".join(lines)


def header_of(kernel):
    """ForwardPortable<64> -> forward_portable.hpp."""
    return "_".join(re.findall("[A-Z][a-z]+", kernel)).lower() + ".hpp"


def main():
    root, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    includes = {"#include <catch2/catch.hpp>", '#include "kernels/mutants.hpp"'}
    copies, cases = [], []
    for kernel, mutants in MUTANTS.items():
        for name, *change in [("no mistake",), *mutants]:
            space = f"mutant_{len(copies)}"
            check = "CHECK" if change else "CHECK_FALSE"
            copy = expand(root, header_of(kernel), change, set(), includes)
            if change:
                sys.exit(f"mutants.py: {kernel} does not include {change[0]}")
            opening = "namespace hsap::kernels"
            copies.append(copy.replace(opening + " {", f"{opening}::{space} {{"))
            cases.append(
                f'TEST_CASE("{kernel}, {name}") {{\n'
                f"  {check}(test::noticed<hsap::kernels::{space}::{kernel}>());\n}}"
            )
    output.write_text("\n".join([*sorted(includes), *copies, *cases, ""]))


if __name__ == "__main__":
    main()
