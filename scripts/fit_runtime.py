#!/usr/bin/python3
"""Fits the constants of runtimes/ring-flash-attention.json to the measured ring runs, and tells how
well they predict runs that were left out.

Usage: fit_runtime.py HSAP_VALIDATE [-o TABLE.json] [--steps N]

The runs are those of validate/cases/ring-runs-*.json. The fit walks at random (seeded) from the same
neutral constants each time, never from those that ship, and keeps what lowers the mean of |error| over
the groups of node count and pass, each error counted at most 40 % so that outliers do not lead, plus
a little for every constant's way from neutral: what the runs do not tell stays there. Runs of one
head or of fewer than 512 tokens a rank tell the host's times; they scatter, so they count a fifth.
Then it is repeated without one cluster, one pass or one node count, and judged on the runs of 32 heads
and 512 tokens a rank and more that were left out.
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
import typing

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What one would take without any run: no slowdown to speak of, free overlap, a few calls of Python.
NEUTRAL = {"stream_wait_s": 5e-6, "kernel_slowdown": 0.02, "overlap_share": 1, "overlap_decay_s": 0.1,
           "host_launch_s": 20e-6, "host_exchange_s": 50e-6, "sum_passes": 1}
MOST = 0.4  # of one error
HOST_BOUND_WEIGHT = 0.2
AWAY_FROM_NEUTRAL = 0.003  # for a constant that is e times as large or small


class Group(typing.NamedTuple):
    cluster: str
    nodes: int
    pass_: str
    host_bound: bool  # one head, or fewer than 512 tokens a rank


class Runs:
    """The measured runs, and predictions of them under any runtime."""

    def __init__(self, validate, folder):
        self.validate = validate
        self.folder = folder
        self.runtime = json.loads((ROOT / "runtimes/ring-flash-attention.json").read_text())
        self.files = {}
        for path in sorted((ROOT / "validate/cases").glob("ring-runs-*.json")):
            self.files[path.stem.removeprefix("ring-runs-")] = json.loads(path.read_text())

    def errors(self, constants):
        """{Group: [error]} of all runs."""
        runtime = self.runtime | constants
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
                group = Group(cluster, case["nodes"], case["pass"],
                              not case["group"].endswith("512 tokens a rank and more"))
                found.setdefault(group, []).append(outcome["error"])
        return found


def mean(numbers):
    return sum(numbers) / len(numbers)


def judged(errors, chosen):
    """The errors of the chosen groups that are not bound by the host."""
    return [abs(e) for group, found in errors.items()
            if not group.host_bound and chosen(group) for e in found]


def score(errors, chosen):
    """Weighted mean over (nodes, pass, host bound) of the bounded errors."""
    alike = {}
    for group, found in errors.items():
        if chosen(group):
            alike.setdefault(group[1:], []).extend(min(abs(e), MOST) for e in found)
    weights = {key: HOST_BOUND_WEIGHT if key[-1] else 1 for key in alike}
    return sum(weights[key] * mean(found) for key, found in alike.items()) / sum(weights.values())


def fit(runs, chosen, steps, seed):
    """The constants that serve the chosen groups best."""
    def cost(constants):
        away = sum(math.log(value / NEUTRAL[key]) ** 2 for key, value in constants.items())
        return score(runs.errors(constants), chosen) + AWAY_FROM_NEUTRAL * away

    dice = random.Random(seed)
    best = dict(NEUTRAL)
    least = cost(best)
    for step in range(steps):
        tried = dict(best)
        stride = 0.5 if 2 * step < steps else 0.2
        for key in dice.sample(sorted(NEUTRAL), dice.choice((1, 1, 2))):
            tried[key] *= math.exp(dice.gauss(0, stride))
        tried["overlap_share"] = min(tried["overlap_share"], 1)
        tried["sum_passes"] = max(tried["sum_passes"], 1)
        found = cost(tried)
        if found < least:
            best, least = tried, found
    return best


def folds():
    """(what is left out, whether a group belongs to it)."""
    for cluster in ("a800", "h800"):
        yield f"cluster fit-{cluster}", lambda group, it=cluster: group.cluster == it
    for name in ("forward", "backward"):
        yield f"{name} passes", lambda group, it=name: group.pass_ == it
    for nodes, name in ((1, "one node"), (2, "two nodes")):
        yield name, lambda group, it=nodes: group.nodes == it


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("validate", metavar="HSAP_VALIDATE")
    parser.add_argument("-o", "--output", metavar="TABLE.json")
    parser.add_argument("--steps", type=int, default=800)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hsap-fit-") as folder:
        runs = Runs(options.validate, pathlib.Path(folder))
        jobs = [("nothing", None), *folds()]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            fits = list(pool.map(
                lambda job: fit(runs, lambda group: job[1] is None or not job[1](group),
                                options.steps, 7), jobs))
        whole = runs.errors(fits[0])
        shipped = runs.errors({key: runs.runtime[key] for key in NEUTRAL})
        table = []
        for (name, left_out), constants in zip(jobs, fits):
            chosen = left_out or (lambda group: True)
            table.append({"left_out": name, "runs": len(judged(whole, chosen)),
                          "in_sample_mape": mean(judged(whole, chosen)),
                          "shipped_mape": mean(judged(shipped, chosen)),
                          "held_out_mape": mean(judged(runs.errors(constants), chosen)),
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
