"""Completion in bash: what it offers for a command line that ends in the middle."""

import os
import pathlib
import shlex
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
FOLDERS = os.pathsep.join(sys.argv.pop(1).split(","))  # of the programs


def offered(*words):
    """The completions of the last word."""
    script = f"""
        source {shlex.quote(str(ROOT / "src/cli/completion.bash"))}
        COMP_WORDS=({shlex.join(words)})
        COMP_CWORD={len(words) - 1}
        _hsap
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], text=True, capture_output=True, check=True,
                          env=os.environ | {"PATH": FOLDERS + os.pathsep + os.environ["PATH"]})
    assert not done.stderr, done.stderr
    return done.stdout.split()


class Completion(unittest.TestCase):
    def test_flags(self):
        self.assertEqual(offered("hsap-sim", "--expert"), ["--expert-parallel"])
        self.assertIn("--output", offered("hsap-tune", "--"))
        self.assertIn("--help", offered("hsap-sim", "--cluster", "dgx-h100", "--"))

    def test_values(self):
        self.assertEqual(offered("hsap-sim", "--exchange", "p"), ["p2p"])
        self.assertEqual(offered("hsap-sim", "--zero", ""), ["0", "1", "2", "3"])
        self.assertEqual(offered("hsap-sim", "--json", ""), [])  # files

    def test_the_last_of_a_list(self):
        self.assertEqual(offered("hsap-sim", "--layout", "zigzag,con"), ["zigzag,contiguous"])

    def test_names_that_ship(self):
        for flag, folder in (("--cluster", "topologies"), ("--model", "models"), ("--trace", "traces"),
                             ("--runtime", "runtimes")):
            shipped = {path.stem for path in (ROOT / folder).iterdir() if path.suffix in (".json", ".csv")}
            self.assertEqual(set(offered("hsap-sim", flag, "")), shipped)

    def test_subcommands(self):
        self.assertEqual(offered("hsap-plan", ""), ["show", "check", "export"])
        self.assertEqual(offered("hsap-plan", "export", "--to", "mega"), ["megatron"])
        self.assertEqual(offered("hsap-topo", "import", "--fr"), ["--from"])
        self.assertIn("--executor", offered("hsap-validate", "run", "--e"))

    def test_nothing_known(self):
        self.assertEqual(offered("hsap-sim", "--heads", "3"), [])


if __name__ == "__main__":
    unittest.main()
