"""The scripts that build, with programs that only note how they were called, in a folder with a blank."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".").resolve()
# What each stand-in does, beside noting its name and arguments.
TOOLS = {
    "meson": """
case "$1" in
  setup) for word; do case "$word" in -*|setup) ;; *) break ;; esac; done
         mkdir -p "$word" && touch "$word/build.ninja" ;;
  test) mkdir -p "$3/meson-logs" && echo '{"result": "OK"}' >"$3/meson-logs/testlog.json" ;;
esac
""",
    "ninja": "",
    "clang": "",
    "clang++": 'while [ "$1" != -o ]; do shift; done; touch "$2"\n',
    "clang-format": "",
}


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hsap scripts ")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "tree"
        self.noted = self.root / "noted.txt"
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ("include", "src", "tuner", "validate", "kernels", "tests", "bench"):
            (self.root / name).mkdir()
        self.program("scripts/setup.sh", "")
        self.program("scripts/check_tidy.py", "")
        for name, body in TOOLS.items():
            self.program(f"tools/{name}", body)

    def program(self, path, body):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/bash\necho "${{0##*/}} $*" >>"{self.noted}"\n{body}')
        path.chmod(0o755)

    def run_it(self, script, *arguments, cwd=None):
        """What was noted."""
        path = f"{self.root / 'tools'}:{os.environ['PATH']}"
        done = subprocess.run([self.root / "scripts" / script, *arguments], cwd=cwd or self.root,
                              env=os.environ | {"PATH": path}, capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        noted = self.noted.read_text().splitlines()
        self.noted.unlink()
        return noted

    def setups(self, noted):
        return [line for line in noted if line.startswith("meson setup")]

    def test_tests_demand_what_was_installed_for_them(self):
        demands = "-Dmpi=enabled -Dsimgrid=enabled -Demulation=enabled"
        self.assertEqual(self.setups(self.run_it("test.sh", "--fast")),
                         [f"meson setup build {demands}"])
        # As demo.sh may have left it, before anything was installed.
        self.assertEqual(self.setups(self.run_it("test.sh", "--fast")),
                         [f"meson setup --reconfigure build {demands}"])

    def test_whole_libraries_are_compiled_in_a_new_folder(self):
        self.assertIn("--unity on", self.setups(self.run_it("test.sh"))[0])
        # Of somebody who goes on working in it, as it was made.
        self.assertNotIn("--unity", self.setups(self.run_it("test.sh"))[0])

    def test_sanitized_builds_demand_none_of_it(self):
        plain, address, thread = self.setups(self.run_it("test.sh"))
        self.assertNotIn("disabled", plain)
        for line in (address, thread):
            self.assertNotIn("enabled", line)
            self.assertIn("-Dmpi=disabled -Dsimgrid=disabled", line)

    def test_a_half_made_folder_of_the_benchmark_is_made(self):
        self.program("build-bench/bench/side_by_side", "")
        noted = self.run_it("bench.sh", "--only", "x")
        self.assertEqual(noted[-1], "side_by_side --only x")
        self.assertNotIn("--reconfigure", self.setups(noted)[0])
        # SimGrid may be there by now.
        self.assertIn("--reconfigure", self.setups(self.run_it("bench.sh"))[0])

    def test_format_looks_at_every_folder(self):
        folders = {path.relative_to(ROOT).parts[0] for kind in ("cpp", "hpp", "h", "cu", "cuh")
                   for path in ROOT.glob(f"[!b]*/**/*.{kind}")} | {"bench"}
        for folder in folders:
            (self.root / folder / "a file.cpp").touch()
        (line,) = self.run_it("check_format.sh")
        self.assertEqual(set(re.findall(r"(\w+)/a file.cpp", line)), folders)

    def test_the_demo_writes_where_its_caller_is(self):
        for path in ("src/apps/hsap-sim", "src/apps/hsap-plan", "src/apps/hsap-topo",
                     "tuner/hsap-tune", "validate/hsap-validate"):
            self.program(f"build/{path}", "")
        (self.root / "scripts/draw.py").write_text("")
        elsewhere = self.root.parent / "else where"
        elsewhere.mkdir()
        noted = self.run_it("demo.sh", "my out", cwd=elsewhere)
        self.assertIn(f"-o {elsewhere / 'my out'}/plan.json", "\n".join(noted))
        self.assertTrue((elsewhere / "my out" / "table.txt").exists())
        self.run_it("demo.sh", cwd=elsewhere)
        self.assertTrue((self.root / "out" / "table.txt").exists())


if __name__ == "__main__":
    unittest.main()
