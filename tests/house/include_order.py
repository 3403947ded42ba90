#!/usr/bin/python3
"""Checks the tree: #includes only go down the list of rooms, only mains print, no file is dreaded.

Usage: include_order.py SOURCE_ROOT
"""
import pathlib
import re
import sys

# Lowest first. A room may include itself and the rooms before it.
ROOMS = ["base", "workload", "cluster", "schedule", "compile", "cost", "simulate", "export", "c_api",
         "cli", "kernels", "tuner", "validate", "apps"]
# The room that implements each public header.
HEADERS = {
    "status": "base", "interval": "base", "override": "base",
    "batch": "workload", "mask": "workload", "model": "workload", "trace": "workload",
    "strategy": "workload",
    "cluster": "cluster", "link_path": "cluster", "runtime": "cluster",
    "schedule": "schedule", "verify": "schedule", "buffer_plan": "schedule",
    "kernels": "kernels", "compile": "compile", "cost": "cost", "simulate": "simulate", "predict": "simulate",
    "plan": "export", "export": "export", "c_api": "c_api", "tune": "tuner", "execute": "validate",
}
LONGEST_FILE = 450  # lines
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
PRINTS = re.compile(r"std::c(out|err)\b|\bfmt::print\(\"|\bf?printf\(")


def room_of(path: pathlib.PurePath) -> str | None:
    """The room a source file belongs to, or None outside the rooms."""
    parts = path.parts
    if parts[:2] == ("include", "hsap"):
        return HEADERS.get(path.stem)
    if parts[0] == "src":
        return parts[1]
    return parts[0] if parts[0] in ROOMS else None


def room_included(name: str) -> str | None:
    first, _, rest = name.partition("/")
    return HEADERS.get(rest.partition(".")[0]) if first == "hsap" else first


def complaints(root: pathlib.Path) -> list[str]:
    found = []
    files = [f for top in ("include", "src", "kernels", "tuner", "validate") for f in root.glob(top + "/**/*")
             if f.suffix in (".h", ".hpp", ".cpp")]
    for file in sorted(files):
        path = file.relative_to(root)
        text = file.read_text(encoding="utf-8")
        room = room_of(path)
        if room not in ROOMS:
            found.append(f"{path}: belongs to no room (new public header? name its room here)")
            continue
        for include in INCLUDE.findall(text):
            target = room_included(include)
            if target not in ROOMS:
                found.append(f"{path}: includes {include}, which is in no room")
            elif ROOMS.index(target) > ROOMS.index(room):
                found.append(f"{path}: room {room} includes {include} of room {target}, above it")
        is_main = "int main(" in text
        if PRINTS.search(text) and not is_main and room != "cli":
            found.append(f"{path}: prints; only mains do")
        if text.count("\n") > LONGEST_FILE:
            found.append(f"{path}: {text.count(chr(10))} lines, more than {LONGEST_FILE}")
    return found


def main() -> int:
    problems = complaints(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "the house is in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
