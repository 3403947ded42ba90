#!/usr/bin/python3
"""Makes docs/methods.md and its picture: published methods side by side, by simulation.

Usage: methods.py [BUILD]     BUILD is the build folder (build)

What the page says about the numbers, from "## Read" on, is kept as it stands.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
GPUS, PER_NODE = 32, 8

# (name, who does it, the strategy)
METHODS = [
    ("HSAP", "Ulysses in a node x SAP between nodes",
     {"ulysses": PER_NODE, "layout": "balanced", "exchange": "p2p"}),
    ("group-cast", "MagiAttention",
     {"ulysses": 1, "layout": "balanced", "exchange": "hierarchical"}),
    ("a2a+p2p", "TransformerEngine, Megatron-LM",
     {"ulysses": PER_NODE, "layout": "per_document_zigzag", "exchange": "ring"}),
    ("USP", "yunchang, xDiT", {"ulysses": PER_NODE, "layout": "zigzag", "exchange": "ring"}),
    ("Ulysses", "DeepSpeed-Ulysses; TransformerEngine `a2a`", {"ulysses": GPUS}),
    ("all-gather", "Llama 3; TransformerEngine `all_gather`; torchtitan",
     {"ulysses": 1, "layout": "per_document_zigzag", "exchange": "all_gather"}),
    ("double ring", "LoongTrain, BurstEngine",
     {"ulysses": 1, "layout": "zigzag", "exchange": "double_ring"}),
    ("zigzag ring", "ring-flash-attention; TransformerEngine `p2p` of one document",
     {"ulysses": 1, "layout": "zigzag", "exchange": "ring"}),
]
BEST = "best plan"
CONTEXTS = ["32K", "64K", "128K", "256K", "512K"]
CLUSTER = "dgx-h100"
WHERE = ["--cluster", CLUSTER, "--nodes", str(GPUS // PER_NODE)]
TRACE = ["--trace", "wlb-llm", "--batches", "8"]
SLOW = ["--set", "nic.bandwidth_bytes_per_s=12.5e9"]
# (name, what is asked besides the context, whether that is one document)
SCENES = [
    ("packed documents", [*WHERE, *TRACE], False),
    ("packed, NICs of 100 Gb/s", [*WHERE, *SLOW, *TRACE], False),
    ("one document", WHERE, True),
]
HOW = ["--model", "llama3-8b", "--checkpointing", "full"]
MEMORY_SHARE = 0.94  # of the device: hsap-tune leaves the rest free


def flags(strategy):
    return [f"--{key.replace('_', '-')}={value}" for key, value in strategy.items()]


def answer(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def memory_limit():
    cluster = json.loads((ROOT / f"topologies/{CLUSTER}.json").read_text())
    return MEMORY_SHARE * cluster["device"]["memory_bytes"]


def point(build, question, context, one_document, method):
    """Tokens per second of one method, whether its fullest rank has the memory, and how it goes."""
    sizes = ["--documents", context] if one_document else ["--context", context]
    name, _, strategy = method
    command = [*question, *sizes, *HOW, "--quiet"]
    if name == BEST:
        with tempfile.TemporaryDirectory(prefix="hsap-methods-") as folder:
            path = pathlib.Path(folder) / "plan.json"
            subprocess.run([build / "tuner/hsap-tune", *command, "-o", path], check=True,
                           stdout=subprocess.DEVNULL)
            plan = json.loads(path.read_text())
        return {"tokens_per_s": plan["predicted"]["step"]["tokens_per_s"], "fits": True,
                "strategy": plan["strategy"], "replicas": plan["mesh"]["replicas"]}
    predicted = answer([build / "src/apps/hsap-sim", *command, *flags(strategy), "--json", "-"])
    peak = predicted["summary"]["max"]["memory"]["peak_bytes"]
    return {"tokens_per_s": predicted["step"]["tokens_per_s"], "fits": peak <= memory_limit(),
            "strategy": predicted["strategy"], "replicas": predicted["replicas"]}


def measure(build):
    methods = [*METHODS, (BEST, "", {})]
    asked = [(scene, context, method) for scene in SCENES for context in CONTEXTS
             for method in methods]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        points = list(pool.map(
            lambda ask: point(build, ask[0][1], ask[1], ask[0][2], ask[2]), asked))
    scenes = [{"name": name, "points": []} for name, _, _ in SCENES]
    for (scene, context, method), found in zip(asked, points):
        scenes[SCENES.index(scene)]["points"].append(
            {"method": method[0], "context": int(context[:-1]) << 10, **found})
    return {"schema": "hsap.methods/1", "scenes": scenes}


def in_words(found):
    strategy = found["strategy"]
    text = f"U{strategy['ulysses']} C{strategy['context_parallel']}"
    if strategy["context_parallel"] > 1:
        text += f" {strategy['layout']} {strategy['exchange']}"
    return text + (f", {found['replicas']} replicas" if found["replicas"] > 1 else "")


def table(scene):
    names = [name for name, _, _ in METHODS]
    lines = [f"### {scene['name'][0].upper()}{scene['name'][1:]}", "",
             "| context | " + " | ".join(names) + f" | {BEST} | which is |",
             "|" + " --- |" * (len(names) + 3)]
    for context in CONTEXTS:
        tokens = int(context[:-1]) << 10
        row = {p["method"]: p for p in scene["points"] if p["context"] == tokens}
        cells = [f"{row[name]['tokens_per_s'] / 1e3:.0f}" if row[name]["fits"] else "-"
                 for name in [*names, BEST]]
        lines.append(f"| {context} | " + " | ".join(cells) + f" | {in_words(row[BEST])} |")
    return "\n".join(lines)


def of_strategy(strategy):
    return "`" + " ".join(f"--{key} {value}" for key, value in strategy.items()) + "`"


def page(scenes, read):
    who = "\n".join(f"| {name} | {who} | {of_strategy(strategy)} |"
                    for name, who, strategy in METHODS)
    return f"""# Methods side by side

Made by `scripts/methods.py`: what published methods would get out of the same cluster and the same
batches, all with hsap's own runtime and partial gradients in fp32, so that schedules are compared and
not their implementations.
Llama 3 8B on 4 nodes of 8 H100, full checkpointing, ZeRO 1, eight batches of web documents
(`wlb-llm`), or one document. Every method has all 32 GPUs work on one sequence; the best plan,
`hsap-tune`'s, may choose smaller groups.

| method | of | strategy |
| --- | --- | --- |
{who}

![Tokens per second by context, a panel for each scene](pictures/methods.png)

## Thousands of tokens per second

""" + "\n\n".join(table(scene) for scene in scenes) + "\n\n" + read


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", nargs="?", default="build")
    build = (ROOT / parser.parse_args().build).resolve()
    path = ROOT / "docs/methods.md"
    old = path.read_text() if path.exists() else ""
    read = old[old.index("## Read"):] if "## Read" in old else "## Read\n"
    result = measure(build)
    with tempfile.TemporaryDirectory(prefix="hsap-methods-") as folder:
        figures = pathlib.Path(folder) / "methods.json"
        figures.write_text(json.dumps(result))
        subprocess.run([sys.executable, ROOT / "scripts/draw.py", "methods", figures, "-o",
                        ROOT / "docs/pictures/methods.png", "--force"], check=True)
    path.write_text(page(result["scenes"], read))
    return 0


if __name__ == "__main__":
    sys.exit(main())
