"""The command line: draw.py PICTURE INPUT.json -o OUT.png"""
import argparse
import importlib
import os
import sys

from .document import BadInput, read

PICTURES = {
    "accuracy": "predicted against measured, from `hsap-validate cases --json`",
    "calibration": "measured against fitted, from `hsap-topo calibrate --json`",
    "mask": "the packed mask and its shards, from `hsap-plan show PLAN --json -`",
    "methods": "published methods side by side, from `scripts/methods.py`",
    "proof": "a plan against float64, from `hsap-validate run --json`",
    "ranks": "what each rank does over time, from `hsap-sim --timeline`",
    "search": "the search as heat maps over U x C, from `hsap-tune --json`",
    "speed": "how time and memory of simulators grow, from `scripts/bench.sh --json`",
    "step": "the training step by parts, from a plan or from `hsap-sim --json`",
    "times": "a run on GPUs beside its prediction, from `hsap-validate run --json`",
}


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="draw.py", description="Draws a JSON output of hsap as PNG.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="pictures:\n" + "\n".join(f"  {name:13}{what}" for name, what in PICTURES.items()))
    parser.add_argument("picture", choices=PICTURES, help="what to draw")
    parser.add_argument("input", metavar="INPUT.json")
    parser.add_argument("-o", "--output", metavar="OUT.png", required=True)
    parser.add_argument("--force", action="store_true", help="replace OUT.png if it exists")
    return parser.parse_args(argv)


def drawing(picture: str):
    """The function that draws a picture. matplotlib is slow to import: only when needed."""
    return importlib.import_module(f".{picture}", __package__).draw


def save(figure, path: str, force: bool) -> None:
    """Writes whole or not at all."""
    if os.path.exists(path) and not force:
        raise BadInput(f"{path}: file exists; expected a new name, or --force to replace it")
    temporary = f"{path}.tmp{os.getpid()}"
    try:
        figure.savefig(temporary, format="png", metadata={"Software": None})
        os.replace(temporary, path)
    except OSError as broken:
        raise BadInput(f"{path}: cannot be written: {broken.strerror}") from broken
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def main(argv: list[str]) -> int:
    options = arguments(argv)
    try:
        document = read(options.input)
        save(drawing(options.picture)(document), options.output, options.force)
    except BadInput as mistake:
        print(f"draw.py: {mistake}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as missing:
        print(f"draw.py: Python module '{missing.name}' is missing; expected the Debian package "
              "python3-matplotlib", file=sys.stderr)
        return 2
    return 0
