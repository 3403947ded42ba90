"""Runs the built programs on bad input and checks their manners.

The programs come from the environment variable HSAP_PROGRAMS as lines "name=path"; a test of a
program that is not built there is an error, not a skip.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = dict(line.split("=", 1) for line in os.environ["HSAP_PROGRAMS"].splitlines())
SECONDS = 60

ATTENTION = ["--heads", "32", "--kv-heads", "8"]
# A question that is fine as it stands; tests spoil one thing at a time.
SIM = ["hsap-sim", "--cluster", "dgx-h100", *ATTENTION, "--documents", "16K,8K,8K"]
TOPO = ["hsap-topo", "show", "--cluster", "dgx-h100"]


def run(command, **options):
    """Runs a program by name; never waits longer than SECONDS."""
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        [PROGRAMS[command[0]], *map(str, command[1:])],
        stderr=subprocess.PIPE, timeout=SECONDS, text=True, **options)


def changed(command, flag, value):
    """The command with the value of one flag replaced, or the flag added."""
    command = list(command)
    if flag in command:
        command[command.index(flag) + 1] = value
        return command
    return [*command, flag, value]


def without(command, flag):
    at = command.index(flag)
    return command[:at] + command[at + 2:]


class ProgramTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hsap-error-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content=None):
        """A path in the test's folder, with the content when given."""
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def shipped(self, folder, name):
        return json.loads((ROOT / folder / f"{name}.json").read_text())

    def answer(self, command, **options):
        """Runs what must succeed and returns its stdout."""
        done = run(command, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refuse(self, command, *needles, code=2, **options):
        """The command must end with the exit code, tell each of the needles in one line on
        stderr, print nothing and leave every file as it was."""
        before = self.contents()
        done = run(command, **options)
        said = f"{' '.join(map(str, command))}\n{done.stderr}"
        self.assertEqual(done.returncode, code, said)
        self.assertEqual(done.stdout or "", "", said)
        self.assertTrue(done.stderr.startswith(f"{command[0]}: error: "), said)
        self.assertEqual(done.stderr.count("\n"), 1, said)
        for needle in needles:
            self.assertIn(str(needle), done.stderr, said)
        self.assertEqual(self.contents(), before, "files changed")

    def contents(self):
        """Names, sizes and times of everything in the folder."""
        return {path.relative_to(self.folder): (path.stat().st_size, path.stat().st_mtime_ns)
                for path in self.folder.rglob("*")}
