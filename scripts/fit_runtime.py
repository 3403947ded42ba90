#!/usr/bin/python3
"""Fits the constants of runtimes/ring-flash-attention.json to the measured ring runs, and tells how
well they predict runs that were left out.

Usage: fit_runtime.py HSAP_VALIDATE [-o TABLE.json] [--steps N]

The runs are those of 32 heads and at least 512 tokens a rank of validate/cases/ring-runs-*.json. The
fit walks at random (seeded) and keeps what lowers the mean of |error| over the groups of node count
and pass, each error counted at most 40 % so that outliers do not lead. Then it is repeated without
one cluster, one pass or one node count, and judged on what was left out.
"""
import argparse
import concurrent.futures
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FITTED = ("stream_wait_s", "kernel_slowdown", "communication_multiprocessors", "overlap_share",
          "overlap_decay_s", "host_launch_s", "host_exchange_s", "sum_passes")
MOST = 0.4  # of one error


class Runs:
    """The measured runs, and predictions of them under any runtime."""

    def __init__(self, validate, folder):
        self.validate = validate
        self.folder = folder
        self.runtime = json.loads((ROOT / "runtimes/ring-flash-attention.json").read_text())
        self.files = {}
        for path in sorted((ROOT / "validate/cases").glob("ring-runs-*.json")):
            content = json.loads(path.read_text())
            content["cases"] = [case for case in content["cases"]
                                if case["group"].endswith("512 tokens a rank and more")]
            self.files[path.stem.removeprefix("ring-runs-")] = content

    def errors(self, constants):
        """{(cluster, nodes, pass): [error]} of all runs."""
        runtime = self.runtime | {k: int(v) if k.startswith("communication") else v
                                  for k, v in constants.items()}
        found = {}
        for cluster, content in self.files.items():
            path = self.folder / f"{cluster}-{id(constants)}.json"
            path.write_text(json.dumps(content | {"runtime": runtime}))
            done = subprocess.run([self.validate, "cases", path, "--json", "-", "--threads", "1"],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(done.stderr)
            path.unlink()
            for case, outcome in zip(content["cases"], json.loads(done.stdout)["files"][0]["cases"]):
                key = cluster, case["nodes"], case["pass"]
                found.setdefault(key, []).append(outcome["error"])
        return found


def mean(numbers):
    return sum(numbers) / len(numbers)


def mape(errors, chosen):
    return mean([abs(e) for key, group in errors.items() if chosen(key) for e in group])


def score(errors, chosen):
    """Mean over (nodes, pass) of the bounded errors."""
    groups = {}
    for (cluster, nodes, name), group in errors.items():
        if chosen((cluster, nodes, name)):
            groups.setdefault((nodes, name), []).extend(min(abs(e), MOST) for e in group)
    return mean([mean(group) for group in groups.values()])


def fit(runs, chosen, steps, seed):
    """The constants that serve the chosen groups best, from those that ship."""
    dice = random.Random(seed)
    best = {key: runs.runtime[key] for key in FITTED}
    least = score(runs.errors(best), chosen)
    for _ in range(steps):
        tried = dict(best)
        for key in dice.sample(FITTED, dice.choice((1, 1, 2))):
            tried[key] *= math.exp(dice.gauss(0, 0.25))
        tried["overlap_share"] = min(tried["overlap_share"], 1)
        tried["sum_passes"] = max(tried["sum_passes"], 1)
        found = score(runs.errors(tried), chosen)
        if found < least:
            best, least = tried, found
    return best


def folds():
    """(what is left out, whether a (cluster, nodes, pass) belongs to it)."""
    for cluster in ("a800", "h800"):
        yield f"cluster fit-{cluster}", lambda key, it=cluster: key[0] == it
    for name in ("forward", "backward"):
        yield f"{name} passes", lambda key, it=name: key[2] == it
    for nodes, name in ((1, "one node"), (2, "two nodes")):
        yield name, lambda key, it=nodes: key[1] == it


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("validate", metavar="HSAP_VALIDATE")
    parser.add_argument("-o", "--output", metavar="TABLE.json")
    parser.add_argument("--steps", type=int, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hsap-fit-") as folder:
        runs = Runs(options.validate, pathlib.Path(folder))
        everything = lambda key: True
        jobs = [("nothing", lambda key: False), *folds()]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            fits = list(pool.map(
                lambda job: fit(runs, lambda key: not job[1](key), options.steps, 7), jobs))
        whole = runs.errors(fits[0])
        shipped = runs.errors({key: runs.runtime[key] for key in FITTED})
        table = []
        for (name, left_out), constants in zip(jobs, fits):
            chosen = everything if name == "nothing" else left_out
            table.append({"left_out": name, "runs": sum(len(g) for k, g in whole.items() if chosen(k)),
                          "in_sample_mape": mape(whole, chosen),
                          "shipped_mape": mape(shipped, chosen),
                          "held_out_mape": mape(runs.errors(constants), chosen),
                          "constants": constants})
            row = table[-1]
            print(f"without {name:20} {row['runs']:4} runs: in sample {row['in_sample_mape']:6.1%}, "
                  f"held out {row['held_out_mape']:6.1%}  "
                  + " ".join(f"{k}={v:.3g}" for k, v in constants.items()), flush=True)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(table, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
