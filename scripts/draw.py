#!/usr/bin/python3
"""Draws hsap's JSON outputs as PNG: scripts/draw.py PICTURE INPUT.json -o OUT.png (--help names them)"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))

from hsap_pictures.command import main  # noqa: E402  (the path comes first)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
