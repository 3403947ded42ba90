#!/usr/bin/env python3
"""Writes a plan for every exchange with every layout, on a packed batch, for hsap-validate run.

hsap-tune writes the plan of its choice; the others differ from it in strategy and mesh.

Usage: validation_plans.py HSAP_TUNE FOLDER
"""
import json
import pathlib
import subprocess
import sys

RANKS = 8
LAYOUTS = ["contiguous", "zigzag", "striped", "per_document_zigzag", "balanced"]
# Exchange, Ulysses degree, inner degree of exchanges that tell near ranks from far ones.
EXCHANGES = [("ring", 2, 0), ("double_ring", 1, 4), ("all_gather", 2, 0), ("p2p", 1, 0),
             ("hierarchical", 1, 4)]
# Long and short documents: some are cut, some share a shard, lengths are no multiples of tiles.
QUESTION = ["--cluster", "dgx-h100", "--heads", "16", "--kv-heads", "8",
            "--documents", "16K,9000,130,77,4001,1,513,2279"]


def mesh(ulysses: int) -> dict:
    context = RANKS // ulysses
    return {"ranks": RANKS, "tensor_parallel": 1, "replicas": 1,
            "ulysses_groups": [[c * ulysses + u for u in range(ulysses)] for c in range(context)],
            "context_groups": [[c * ulysses + u for c in range(context)] for u in range(ulysses)]}


def plans(base: dict):
    for exchange, ulysses, inner in EXCHANGES:
        for layout in LAYOUTS:
            strategy = base["strategy"] | {
                "ulysses": ulysses, "context_parallel": RANKS // ulysses, "layout": layout,
                "exchange": exchange, "inner_degree": inner, "stages": 0, "moves": "keys"}
            yield f"{exchange}-{layout}", strategy, mesh(ulysses)
    strategy = base["strategy"] | {"ulysses": RANKS, "context_parallel": 1,
                                   "layout": "contiguous", "exchange": "ring", "inner_degree": 0}
    yield "ulysses", strategy, mesh(RANKS)


def main(tune: str, folder: str) -> None:
    said = subprocess.run([tune, *QUESTION, "-o", "-"], check=True, capture_output=True, text=True)
    base = json.loads(said.stdout)
    out = pathlib.Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name, strategy, where in plans(base):
        plan = base | {"strategy": strategy, "mesh": where, "runners_up": [], "pareto": []}
        (out / f"{name}.json").write_text(json.dumps(plan, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
