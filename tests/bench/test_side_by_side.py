"""bench/side_by_side: what it keeps, what it refuses, and what it says of a run that fails.

Usage: test_side_by_side.py PROGRAM
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)


class SideBySide(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hsap-bench-")
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "rows.json"

    def run_it(self, *flags, only="all-to-all hsap network", **environment):
        return subprocess.run([PROGRAM, "--largest", "64", "--only", only, *map(str, flags)],
                              capture_output=True, text=True, env=os.environ | environment,
                              timeout=60)

    def test_rows_are_kept(self):
        done = self.run_it("--json", self.file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        document = json.loads(self.file.read_text())
        self.assertEqual(document["schema"], "hsap.speed/1")
        self.assertEqual([(row["tool"], row["ranks"], row["outcome"]) for row in document["rows"]],
                         [("hsap network", 64, "done"), ("hsap network, exact", 64, "done")])
        self.assertEqual([path.name for path in self.file.parent.iterdir()], ["rows.json"])

    def test_stdout_holds_rows_or_the_table(self):
        rows = json.loads(self.run_it("--json", "-").stdout)["rows"]
        self.assertEqual(len(rows), 2)

    def test_a_file_is_refused_before_the_first_run(self):
        self.file.write_text("mine")
        for path, reason in ((self.file, "file exists"), (self.file / "rows.json", "no such folder"),
                             (self.file.parent, "not a regular file")):
            done = self.run_it("--json", path)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(reason, done.stderr)
        self.assertEqual(self.file.read_text(), "mine")
        self.assertEqual(self.run_it("--json", self.file, "--force").returncode, 0)
        self.assertIn("hsap.speed/1", self.file.read_text())

    def test_a_run_that_fails_says_why(self):
        done = self.run_it("--json", self.file, only="ring pass hsap", HSAP_DATA="/nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("topologies", done.stderr)
        self.assertNotIn("GB", done.stdout)
        self.assertEqual([row["outcome"] for row in json.loads(self.file.read_text())["rows"]],
                         ["failed"])


if __name__ == "__main__":
    unittest.main()
