#!/usr/bin/env python3
"""Runs clang-tidy over the product code of a configured build folder, with .clang-tidy's checks.

usage: scripts/check_tidy.py [--plugin] [BUILD]     --plugin: only compiles BUILD/tidy/own_code.plugin

Most of its time goes to the headers a file includes. So a plugin keeps the checks out of those that
are not the project's, and files that are compiled alike are checked together, as one file that
includes them. Where that does not compile, because two of them use a name for different things,
fewer are. The plugin also tells which file leans on what only another one includes.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = ("src", "tuner", "validate", "kernels")
# What the including file does on purpose.
NOT_TOGETHER = "-bugprone-suspicious-include"


def build_plugin(build):
    """Compiles scripts/own_code.cpp for the clang-tidy that is installed, if it is not."""
    source, plugin = ROOT / "scripts" / "own_code.cpp", build / "tidy" / "own_code.plugin"
    if plugin.exists() and plugin.stat().st_mtime > source.stat().st_mtime:
        return
    plugin.parent.mkdir(exist_ok=True)
    headers = pathlib.Path(shutil.which("clang-tidy")).resolve().parent.parent / "include"
    subprocess.run(["g++", "-std=c++17", "-shared", "-fPIC", "-fno-rtti", "-isystem", str(headers),
                    str(source), "-o", str(plugin)], check=True)


def product_commands(build):
    """The commands of the files to check; what the build left out, for want of a library, has none."""
    commands = {}
    for command in json.loads((build / "compile_commands.json").read_text()):
        path = (build / command["file"]).resolve()
        # A file that includes all sources of a library or program.
        together = re.search(r"-unity\d+\.cpp$", path.name)
        for source in re.findall(r"#include\s*[<\"](.*)[>\"]", path.read_text()) if together else [path]:
            source = (path.parent / source).resolve()
            if source.suffix == ".cpp" and source.is_relative_to(ROOT) \
                    and source.relative_to(ROOT).parts[0] in ROOMS:
                commands.setdefault(source, command["command"])
    if not commands:
        sys.exit(f"check_tidy: nothing to check in {build}")
    return dict(sorted(commands.items()))


def flags(command):
    """Without what names files; the folder of the target's own headers has none."""
    words = shlex.split(command)
    words = words[words.index(next(w for w in words if w.startswith("-"))):]
    kept, skip = [], False
    for word in words:
        if skip or word in ("-o", "-c", "-MF", "-MQ", "-MD"):
            skip = not skip and word in ("-o", "-c", "-MF", "-MQ")
        elif not re.fullmatch(r"-I\S+\.p", word):
            kept.append(word)
    return kept


def batches(commands):
    alike = collections.defaultdict(list)
    for path, command in commands.items():
        alike[tuple(flags(command))].append(path)
    for words, paths in alike.items():
        yield list(words), paths


def unused_names(path):
    """Using-declarations and namespace aliases without a use: clang-tidy looks for those in main
    files alone."""
    text = re.sub(r"//.*|^#.*", "", path.read_text(), flags=re.MULTILINE)
    for found in re.finditer(r"\busing\s+(?:\w+::)+(\w+)\s*;|\bnamespace\s+(\w+)\s*=[^;]*;", text):
        name = found[1] or found[2]
        if not re.search(rf"(?<!::)\b{name}\b", text[:found.start()] + text[found.end():]):
            yield f"{path}: error: {name} is declared but not used\n"


def tidy(build, path, words, *options):
    """What clang-tidy says about a file; empty if nothing."""
    done = subprocess.run(["clang-tidy", "--quiet", f"--config-file={ROOT / '.clang-tidy'}",
                           "-load", "tidy/own_code.plugin", *options, str(path), "--", *words,
                           "-Wno-unknown-warning-option"],  # those of g++
                          cwd=build, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode == 0:
        return ""
    return done.stdout or f"{path}: clang-tidy ended with {done.returncode}\n"


def check(build, words, paths):
    if len(paths) == 1:
        return tidy(build, paths[0], words)
    name = "-".join(paths[0].relative_to(ROOT).with_suffix("").parts)
    together = build / "tidy" / f"{name}-{len(paths)}.cpp"
    together.write_text("".join(f'#include "{path}"\n' for path in paths))
    # Names of one file do not shadow those of another; inside a file the compiler looks.
    said = tidy(build, together, [*words, "-Wno-shadow"], f"--checks={NOT_TOGETHER}")
    # Names that clash: the files that define them again come later, together. Or a batch that
    # clang-tidy crashes over: in halves.
    if "[clang-diagnostic-error" in said or "clang-tidy ended with -" in said:
        again = [path for path in paths if re.search(
            rf"^{re.escape(str(path))}:[^\n]*\[clang-diagnostic-error", said, re.MULTILINE)]
        if len(again) in (0, len(paths)):
            again = paths[len(paths) // 2:]
        first = [path for path in paths if path not in again]
        return check(build, words, first) + check(build, words, again)
    return said + "".join(line for path in paths for line in unused_names(path))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--plugin", action="store_true")
    options.add_argument("build", nargs="?", default="build", type=pathlib.Path)
    options = options.parse_args()
    build = options.build.resolve()
    build_plugin(build)
    if options.plugin:
        return 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        most_first = sorted(batches(product_commands(build)), key=lambda batch: -len(batch[1]))
        jobs = [pool.submit(check, build, *batch) for batch in most_first]
        said = "".join(job.result() for job in jobs)
    print(said, end="")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
