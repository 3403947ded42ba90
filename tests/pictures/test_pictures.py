#!/usr/bin/python3
"""scripts/draw.py end to end: PNGs of a sane size from good inputs, exit code 2 from bad ones.

Usage: test_pictures.py SOURCE_ROOT
"""
import contextlib
import copy
import importlib.util
import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import inputs

ROOT = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".").resolve()
SKIPPED = 77  # what meson takes for "skipped"
PICTURES = {"mask": inputs.layout(4096, 7, 4), "ranks": inputs.timeline(8, 4),
            "search": inputs.search(8), "step": inputs.plan(), "proof": inputs.validation(),
            "accuracy": inputs.accuracy(), "speed": inputs.speed(),
            "methods": inputs.methods(), "calibration": inputs.calibration(), "times": inputs.timed_validation()}


sys.path.insert(0, str(ROOT / "python"))
from hsap_pictures.command import main  # noqa: E402  (the path comes first)


def run(*arguments: str) -> subprocess.CompletedProcess:
    """The command inside this process: starting Python for each call takes a second."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(arguments))
        except SystemExit as stop:  # argparse
            code = stop.code
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def png_size(path: pathlib.Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.output = self.folder / "out.png"

    def draw(self, picture: str, document, *more: str) -> subprocess.CompletedProcess:
        path = self.folder / "in.json"
        text = document if isinstance(document, str) else json.dumps(document)
        path.write_text(text, encoding="utf-8")
        return run(picture, str(path), "-o", str(self.output), *more)

    def assert_refused(self, picture: str, document, *expected: str) -> None:
        done = self.draw(picture, document)
        self.assertEqual(done.returncode, 2, done.stderr)
        for text in ("in.json", *expected):
            self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual([entry.name for entry in self.folder.iterdir()], ["in.json"])


class GoodInput(Command):
    def test_every_picture_is_a_png_of_sane_size(self):
        for picture, document in PICTURES.items():
            with self.subTest(picture):
                done = self.draw(picture, document, "--force")
                self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", ""))
                width, height = png_size(self.output)
                self.assertTrue(400 <= width <= 3000 and 250 <= height <= 2000, (width, height))

    def test_the_script_runs_from_anywhere(self):
        path = self.folder / "in.json"
        path.write_text(json.dumps(inputs.plan()), encoding="utf-8")
        script = [sys.executable, str(ROOT / "scripts/draw.py"), "step", str(path), "-o", "o.png"]
        codes = [subprocess.run(script, cwd=self.folder, capture_output=True, check=False,
                                timeout=100).returncode for _ in range(2)]
        self.assertEqual(codes, [0, 2])  # the second would replace a file
        png_size(self.folder / "o.png")

    def test_equal_inputs_give_equal_bytes(self):
        self.draw("step", inputs.plan())
        first = self.output.read_bytes()
        self.draw("step", inputs.plan(), "--force")
        self.assertEqual(self.output.read_bytes(), first)

    def test_step_draws_sweeps_and_predictions(self):
        for document in (inputs.sweep(), inputs.prediction()):
            done = self.draw("step", document, "--force")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_long_context_with_many_documents_and_shards(self):
        done = self.draw("mask", inputs.layout(1 << 20, 500, 64))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_name_is_no_mathematics(self):
        done = self.draw("proof", inputs.validation() | {"strategy": r"$\frac{x$"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_nothing_is_replaced_without_force(self):
        self.output.write_text("mine")
        done = self.draw("step", inputs.plan())
        self.assertEqual(done.returncode, 2)
        self.assertIn("file exists", done.stderr)
        self.assertEqual(self.output.read_text(), "mine")


class BadInput(Command):
    def test_what_is_no_json(self):
        self.assert_refused("mask", "{\n]", "line 2, column 1", "not valid JSON")
        self.assert_refused("mask", "[" * 100_000, "cannot be read")
        self.assert_refused("mask", '{"tokens": ' + "9" * 5000 + "}", "an integer of too many digits")
        self.assert_refused("search", "[]", "/schema", "hsap.search/1")
        self.assert_refused("ranks", "3", "an array")

    def test_another_schema(self):
        for picture, document in (("mask", inputs.search(8)), ("search", inputs.plan()),
                                  ("step", inputs.search(8)), ("proof", inputs.plan()),
                                  ("accuracy", inputs.plan())):
            self.assert_refused(picture, document, "/schema", "found", "expected", "hsap.")
        self.assert_refused("mask", {}, "/schema", '"none"', "hsap.layout/1")
        self.assert_refused("ranks", inputs.timeline(0, 1), "no threads named")

    def test_missing_keys(self):
        for picture, key in (("mask", "shards"), ("ranks", "traceEvents"),
                             ("search", "candidates"), ("step", "runners_up"),
                             ("proof", "passes"), ("accuracy", "files"),
                             ("calibration", "rows")):
            document = copy.deepcopy(PICTURES[picture])
            del document[key]
            self.assert_refused(picture, document, "missing key", f"'{key}'")

    def test_wrong_values(self):
        layout = inputs.layout(64, 2, 2)
        self.assert_refused("mask", layout | {"tokens": -1}, "/tokens", "an integer from 1")
        self.assert_refused("mask", layout | {"tokens": 65}, "/documents", "a sum of 65")
        self.assert_refused("mask", layout | {"slices": [[0, 1, 0, 1, "x"]]}, "/slices/0")
        self.assert_refused("mask", layout | {"shards": [[[0, 65, 1]]]}, "/shards/0/0/1")
        self.assert_refused("mask", layout | {"shards": []}, "/shards")
        for number in (float("nan"), 10 ** 400, 1e308):
            search = inputs.search(8)
            search["candidates"][1]["tokens_per_s"] = number
            self.assert_refused("search", search, "/candidates/1/tokens_per_s")
        self.assert_refused("step", inputs.plan() | {"strategy": {"ulysses": "$", "context_parallel": 4}},
                            "/strategy/ulysses")
        trace = inputs.timeline(1, 1)
        trace["traceEvents"][2]["pid"] = []
        self.assert_refused("ranks", trace, "/traceEvents/2/pid", "an integer")
        trace = inputs.timeline(1, 1)
        for event in trace["traceEvents"][:2]:
            event["args"]["name"] = f"rank {'9' * 5000} compute"
        self.assert_refused("ranks", trace, "no threads named")
        proof = inputs.validation()
        proof["tensors"][1]["relative_error"] = -1
        self.assert_refused("proof", proof, "/tensors/1/relative_error")
        self.assert_refused("proof", inputs.validation() | {"tensors": []}, "nothing to draw")
        calibration = inputs.calibration()
        calibration["rows"][2]["fitted_s"] = 0
        self.assert_refused("calibration", calibration, "/rows/2", "times above 0")
        self.assert_refused("calibration", inputs.calibration() | {"rows": []}, "nothing to draw")
        speed = inputs.speed()
        speed["rows"][0]["outcome"] = "bored"
        self.assert_refused("speed", speed, "/rows/0/outcome", "too slow")
        self.assert_refused("speed", speed | {"rows": []}, "nothing to draw")
        methods = inputs.methods()
        methods["scenes"][1]["points"][0]["context"] = 0
        self.assert_refused("methods", methods, "/scenes/1/points/0/context")
        self.assert_refused("methods", methods | {"scenes": []}, "nothing to draw")
        plan = inputs.plan()
        plan["mesh"]["replicas"] = 0
        self.assert_refused("step", plan, "/mesh/replicas")
        sweep = inputs.sweep()
        sweep["predictions"][1]["replicas"] = 0
        self.assert_refused("step", sweep, "/predictions/1/replicas")

    def test_nothing_feasible(self):
        search = inputs.search(8)
        for candidate in search["candidates"]:
            candidate["feasible"] = False
        self.assert_refused("search", search, "at least one feasible candidate")

    def test_bad_use(self):
        self.assertEqual(run("pie", "x.json", "-o", "y.png").returncode, 2)
        self.assertEqual(run("mask", "x.json").returncode, 2)
        missing = run("mask", str(self.folder / "absent.json"), "-o", str(self.output))
        self.assertEqual(missing.returncode, 2)
        self.assertIn("No such file", missing.stderr)
        done = self.draw("step", inputs.plan())
        self.assertEqual(done.returncode, 0)
        nowhere = run("step", str(self.folder / "in.json"), "-o", str(self.folder / "no/out.png"))
        self.assertEqual(nowhere.returncode, 2)
        self.assertIn("cannot be written", nowhere.stderr)


if __name__ == "__main__":
    if importlib.util.find_spec("matplotlib") is None:
        print("skipped: Python module matplotlib is missing (Debian package python3-matplotlib)")
        sys.exit(SKIPPED)
    unittest.main()
