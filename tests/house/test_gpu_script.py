"""scripts/gpu.sh with programs that only say that they ran: what it runs, skips, keeps and answers."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

ROOT = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".").resolve()
PLANS = ["ulysses"] + [f"{exchange}-{layout}"
                       for exchange in ("ring", "double_ring", "all_gather", "p2p", "hierarchical")
                       for layout in ("contiguous", "zigzag", "striped", "per_document_zigzag",
                                      "balanced")]
GOOD = 'echo "$@"\n'
CALIBRATES = """
for last; do :; done
mkdir -p "$last" && echo "{}" >"$last/cluster.json"
"""


class Script(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hsap-gpu-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "scripts").mkdir()
        shutil.copy(ROOT / "scripts" / "gpu.sh", self.root / "scripts")
        (self.root / "build-gpu" / "plans").mkdir(parents=True)
        for plan in PLANS:
            (self.root / "build-gpu" / "plans" / f"{plan}.json").write_text("{}")

    def program(self, name, script, folder="build-gpu"):
        path = self.root / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/bash\n" + script)
        path.chmod(0o755)


class Kernels(Script):
    def kernels(self, selftest, bench="echo timed\n", budget="540"):
        self.program("hsap-validate", GOOD)
        self.program("hsap-kernel-selftest", selftest)
        self.program("hsap-kernel-bench", bench)
        (self.root / "scripts" / "bench_torch_attention.py").write_text("raise SystemExit(77)")
        return subprocess.run(
            ["scripts/gpu.sh", "kernels", "--budget", budget, "--quick"], cwd=self.root, text=True,
            capture_output=True, timeout=60,
            env=os.environ | {"OUT": str(self.root / "out"),
                              "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"})

    def test_everything_runs_and_is_kept(self):
        done = self.kernels("echo 7 passed, 0 failed\n", GOOD)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in ("self-test    7 passed, 0 failed", "benchmark    ", "--quick --force --budget",
                     "torch        skipped", "memcheck     skipped"):
            self.assertIn(line, done.stdout)
        self.assertIn("7 passed", (self.root / "out" / "selftest.txt").read_text())

    def test_a_kernel_that_hangs(self):
        done = self.kernels("echo ok one; sleep 50\n", budget="2")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("ok one", (self.root / "out" / "selftest.txt").read_text())
        self.assertIn("self-test    NOT THROUGH", done.stdout)
        self.assertIn("benchmark    NOT THROUGH", done.stdout)

    def test_kernels_that_fail_are_timed_apart(self):
        done = self.kernels("echo 7 passed, 0 failed\n",
                            'case "$*" in *--only*) echo "alone $*";; *) echo began; exit 1;; esac\n')
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        kept = (self.root / "out" / "bench.txt").read_text()
        for line in ("began", "alone --only forward --portable", "alone --only rows"):
            self.assertIn(line, kept)
        self.assertIn("  backward   timed", done.stdout)
        self.assertIn("benchmark    FAILED", (self.root / "out" / "summary.txt").read_text())
        self.assertLessEqual(len(list((self.root / "out").iterdir())), 8)

    def test_sanitizers_alone(self):
        self.program("hsap-validate", GOOD)
        self.program("compute-sanitizer", "exit 0\n", folder="bin")
        done = subprocess.run(
            ["scripts/gpu.sh", "sanitize"], cwd=self.root, text=True, capture_output=True, timeout=60,
            env=os.environ | {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for tool in ("memcheck", "racecheck"):
            self.assertIn(f"{tool:12} passed", done.stdout)
        self.program("compute-sanitizer", "exit 77\n", folder="bin")
        done = subprocess.run(
            ["scripts/gpu.sh", "sanitize"], cwd=self.root, text=True, capture_output=True, timeout=60,
            env=os.environ | {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 77)

    def test_nothing_is_built_where_results_are_fetched(self):
        shutil.rmtree(self.root / "build-gpu")
        (self.root / "build-gpu").mkdir()
        done = subprocess.run(
            ["scripts/gpu.sh", "kernels"], cwd=self.root, text=True, capture_output=True, timeout=60,
            env=os.environ | {"OUT": str(self.root / "out")})
        self.assertEqual(done.returncode, 2)
        self.assertIn("carry it along", done.stderr)

    def test_what_sanitizers_find(self):
        for tool, code, told in (("racecheck", 0, "hazards to look at"), ("memcheck", 1, "FAILED")):
            with self.subTest(tool=tool):
                self.program("compute-sanitizer", f'[ "$2" != {tool} ] || exit 9\n', folder="bin")
                done = self.kernels("echo 7 passed, 0 failed\n")
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertIn(f"{tool:12} {told}", done.stdout)
        self.program("compute-sanitizer", "exit 1\n", folder="bin")
        done = self.kernels("echo 7 passed, 0 failed\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("racecheck    FAILED", done.stdout)

    def test_without_a_gpu(self):
        self.assertEqual(self.kernels("exit 77\n").returncode, 77)

    def test_bad_use(self):
        self.assertEqual(self.kernels("exit 0\n", budget="soon").returncode, 2)


class Validate(Script):
    def validate(self, validator, topo=CALIBRATES, budget="480"):
        self.program("hsap-validate", validator)
        self.program("hsap-topo", topo)
        return subprocess.run(
            ["scripts/gpu.sh", "validate", "--budget", budget], cwd=self.root, text=True,
            capture_output=True, env=os.environ | {"OUT": str(self.root / "out")}, timeout=60)

    def archives(self):
        return sorted((self.root / "out").glob("results-*.tar.gz"))

    def names(self):
        with tarfile.open(self.archives()[-1]) as archive:
            return [name.partition("/")[2] for name in archive.getnames()]

    def test_everything_runs_and_is_kept(self):
        done = self.validate(GOOD)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in ("local        6 of 6 plans right, 0 wrong, 0 skipped", "calibrate    passed",
                     "nccl         5 of 5", "nccl-graph   1 of 1", "before       2 of 2",
                     "before-graph 1 of 1", "after        2 of 2",
                     "layouts      20 of 20"):
            self.assertIn(line, done.stdout)
        names = self.names()
        for name in ("machine.txt", "calibration/cluster.json", "nccl-ring-balanced.txt"):
            self.assertIn(name, names)
        results, = (self.root / "build-gpu" / "results").iterdir()
        self.assertEqual((self.root / "out" / "summary.txt").read_text(),
                         (results / "summary.txt").read_text())
        self.assertEqual([path.name for path in self.archives()],
                         [f"results-{results.name}.tar.gz"])

    def test_what_ends_early_leaves_what_it_has(self):
        self.program("hsap-validate", GOOD)
        self.program("hsap-topo", "kill -9 $(ps -o ppid= $PPID)\n")
        done = subprocess.run(["scripts/gpu.sh", "validate"], cwd=self.root, text=True,
                              capture_output=True, timeout=60,
                              env=os.environ | {"OUT": str(self.root / "out")})
        self.assertLess(done.returncode, 0)
        self.assertIn("local        6 of 6", (self.root / "out" / "summary.txt").read_text())
        self.assertIn("local-ulysses.txt", self.names())

    def test_ranks_that_hang_hang_once(self):
        done = self.validate('case "$*" in *nccl*) exit 124;; esac')
        self.assertIn("nccl         0 of 5 plans right, 1 wrong, 4 skipped", done.stdout)

    def test_what_earlier_runs_left_stays(self):
        self.validate(GOOD)
        first, = self.archives()
        time.sleep(1)  # results are named by the second
        self.validate(GOOD)
        self.assertEqual(len(self.archives()), 2)
        self.assertIn(first, self.archives())
        self.assertEqual(len(list((self.root / "build-gpu" / "results").iterdir())), 2)

    def test_a_wrong_plan_and_a_failed_calibration(self):
        done = self.validate('case "$*" in *p2p-balanced*local*) echo off by 1; exit 1;; esac',
                             "echo broken >&2; exit 1")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("local        5 of 6 plans right, 1 wrong", done.stdout)
        self.assertIn("local p2p-balanced:\noff by 1", done.stdout)
        self.assertIn("calibrate    FAILED", done.stdout)
        self.assertIn("after        skipped (no calibration)", done.stdout)

    def test_little_time_is_told(self):
        done = self.validate(GOOD, budget="60")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("local        0 of 6 plans right, 0 wrong, 6 skipped", done.stdout)
        self.assertIn("calibrate    skipped (no time left)", done.stdout)
        self.assertIn("layouts      20 of 20", done.stdout)
        self.assertIn("skipped for want of time: local-ring-balanced", done.stdout)

    def test_without_a_gpu(self):
        done = self.validate(
            '[ "$1" != run ] || { echo "hsap-validate: error: no CUDA device: none" >&2; exit 1; }')
        self.assertEqual(done.returncode, 77)
        self.assertEqual(done.stdout, "hsap-validate: error: no CUDA device: none\n")
        self.assertEqual(list((self.root / "build-gpu" / "results").iterdir()), [])

    def test_bad_use(self):
        for budget in ("0", "-1", "soon", ""):
            self.assertEqual(self.validate(GOOD, budget=budget).returncode, 2)


class Pack(Script):
    def test_results_stay_and_old_plans_go(self):
        build, folder = self.root / "build-pack", self.root / "build-gpu"
        for kept in ("out/results-1.tar.gz", "results/1/summary.txt"):
            (folder / kept).parent.mkdir(parents=True)
            (folder / kept).write_text("kept")
        (folder / "hsap-topo").write_text("old")
        programs = ("tests/device/hsap-kernel-selftest", "kernels/hsap-kernel-bench",
                    "validate/hsap-validate", "src/apps/hsap-topo")
        for program in programs:
            (build / program).parent.mkdir(parents=True)
            (build / program).write_text("new")
        (build / "build.ninja").touch()
        (self.root / "scripts" / "validation_plans.py").write_text(
            "import pathlib, sys\npathlib.Path(sys.argv[2]).mkdir()\n")
        tools = self.root / "tools"
        tools.mkdir()
        for tool in ("ninja", "strip", "ldd"):
            (tools / tool).write_text("#!/bin/sh\n")
            (tools / tool).chmod(0o755)
        done = subprocess.run(["scripts/gpu.sh", "pack"], cwd=self.root, text=True, timeout=60,
                              capture_output=True,
                              env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((folder / "results/1/summary.txt").read_text(), "kept")
        self.assertEqual((folder / "out/results-1.tar.gz").read_text(), "kept")
        self.assertEqual((folder / "hsap-topo").read_text(), "new")
        self.assertEqual(list((folder / "plans").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
