#!/usr/bin/python3
"""Makes docs/accuracy.md and its picture from a run over all measured cases.

Usage: accuracy.py [BUILD] [--steps N]     BUILD is the build folder (build); N steps of each fit of
                                           the held-out table (800; 0 keeps the table of the page)

The comments stand in docs/accuracy-comments.md and are copied behind the tables.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]

# (what, goal in percent, file name begins with, group ends with, group begins with; and with what
# none of its groups may end)
GOALS = [
    ("ring runs, one node, forward", 5, "ring-runs", "512 tokens a rank and more", "1 node forward"),
    ("ring runs, one node, backward", 5, "ring-runs", "512 tokens a rank and more",
     "1 node backward"),
    ("ring runs, two nodes, forward", 8, "ring-runs", "512 tokens a rank and more",
     "2 nodes forward"),
    ("ring runs, two nodes, backward", 8, "ring-runs", "512 tokens a rank and more",
     "2 nodes backward"),
    ("ring runs, fewer than 512 tokens a rank", 25, "ring-runs", "fewer than 512 tokens a rank", ""),
    ("transfers of 1 MB and more", 8, "transfers", "1 MB and more", ""),
    ("plans timed whole and in parts (overlap)", 10, "overlap", "", ""),
    ("collectives of 16 MB and more", 10, "collectives", "16 MB and more", ""),
    ("the same where the source knows of no fault", 10, "collectives", "16 MB and more", "",
     "at fault by its source, 16 MB and more"),
]


def percent(share):
    return f"{100 * share:.1f} %"


def chosen(files, prefix, suffix, start, without=None):
    return [abs(case["error"]) for file in files if name_of(file).startswith(prefix)
            for case in file["cases"]
            if case["group"].endswith(suffix) and case["group"].startswith(start)
            and not (without and case["group"].endswith(without))]


def name_of(file):
    return pathlib.PurePath(file["file"]).stem


def goal_table(files):
    lines = ["| what | cases | goal | MAPE | median |", "| --- | --- | --- | --- | --- |"]
    for what, goal, *which in GOALS:
        errors = chosen(files, *which)
        mean = statistics.mean(errors)
        median = statistics.median(errors)
        mark = "" if 100 * mean <= goal else " (missed)"
        lines.append(f"| {what} | {len(errors)} | {goal} % | {percent(mean)}{mark} | "
                     f"{percent(median)} |")
    return "\n".join(lines)


def held_out_table(table):
    lines = ["| left out of the fit | its runs | with them in the fit | left out | ratio (goal: 1.5) |",
             "| --- | --- | --- | --- | --- |"]
    for row in table[1:]:
        ratio = row["held_out_mape"] / row["in_sample_mape"]
        lines.append(f"| {row['left_out']} | {row['runs']} | {percent(row['in_sample_mape'])} | "
                     f"{percent(row['held_out_mape'])} | {ratio:.2f}{'' if ratio <= 1.5 else ' (missed)'} |")
    return "\n".join(lines)


def kept_held_out(page):
    """The section of the page as it stands, for a run that does not fit again."""
    text = page.read_text() if page.exists() else ""
    begin = text.find("\n## Held out")
    return "" if begin < 0 else text[begin:text.index("\n## ", begin + 1)]


def file_table(file):
    lines = [f"### {name_of(file)}", "",
             f"{file['source']}. Cluster `{file['cluster']}`, runtime `{file['runtime']}`.", "",
             "| group | cases | MAPE | median | 90 % within | bias | tau |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for s in file["statistics"]:
        tau = "" if s["kendall_tau"] is None or math.isnan(s["kendall_tau"]) else \
            f"{s['kendall_tau']:.2f}"
        lines.append(f"| {s['group']} | {s['cases']} | {percent(s['mape'])} | "
                     f"{percent(s['median_error'])} | {percent(s['p90_error'])} | "
                     f"{100 * s['bias']:+.1f} % | {tau} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("--steps", type=int, default=800)
    options = parser.parse_args()
    validate = (ROOT / options.build / "validate/hsap-validate").resolve()
    cases = sorted((ROOT / "validate/cases").glob("*.json"))
    with tempfile.TemporaryDirectory(prefix="hsap-accuracy-") as folder:
        report, table = pathlib.Path(folder) / "cases.json", pathlib.Path(folder) / "table.json"
        subprocess.run([validate, "cases", *[c.relative_to(ROOT) for c in cases], "--quiet",
                        "--json", report], cwd=ROOT, check=True)
        subprocess.run([sys.executable, ROOT / "scripts/draw.py", "accuracy", report, "-o",
                        ROOT / "docs/pictures/accuracy.png", "--force"], check=True)
        document = json.loads(report.read_text())
        held_out = kept_held_out(ROOT / "docs/accuracy.md")
        if options.steps:
            subprocess.run([sys.executable, ROOT / "scripts/fit_runtime.py", validate, "-o", table,
                            "--steps", str(options.steps)], check=True)
            held_out = ("\n## Held out\n\nThe constants of the runtime fitted without one cluster, pass or "
                        "node count, each time from neutral ones, and judged on what was left out:\n\n"
                        + held_out_table(json.loads(table.read_text())) + "\n")
    files = document["files"]
    overall = document["overall"]
    text = f"""# Predictions against measurements

Made by `scripts/accuracy.py` from the {overall['cases']} measured cases in `validate/cases`
([format](cases-format.md)); `hsap-validate cases FILE --each` shows every one. An error is predicted /
measured - 1; MAPE is its mean size.

![Predicted against measured](pictures/accuracy.png)

## Goals

{goal_table(files)}
{held_out}
{(ROOT / 'docs/accuracy-comments.md').read_text().strip()}

## By file and group

""" + "\n\n".join(file_table(file) for file in files) + "\n"
    (ROOT / "docs/accuracy.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
