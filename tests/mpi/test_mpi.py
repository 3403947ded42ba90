"""The MPI executor: the same numbers as threads, bit for bit, and no hang when it goes wrong."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

MPIRUN, TUNE, VALIDATE, STUCK = (
    os.environ[name] for name in ("MPIRUN", "HSAP_TUNE", "HSAP_VALIDATE", "STUCK"))
SECONDS = 120
# As root in a container, with more processes than cores.
MPI = [MPIRUN, "--allow-run-as-root", "--oversubscribe"]
QUESTION = ["--cluster", "dgx-h100", "--heads", "4", "--kv-heads", "2", "--head-dim", "32",
            "--documents", "90,150,16"]


def call(command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=SECONDS)


def with_strategy(plan, **choices):
    """The plan with another strategy of U2 C2, and the mesh that follows from it."""
    strategy = plan["strategy"] | {"ulysses": 2, "context_parallel": 2, "stages": 0,
                                   "order": "ulysses-inner", "layout": "zigzag"} | choices
    mesh = plan["mesh"] | {"ranks": 4, "replicas": 2, "ulysses_groups": [[0, 1], [2, 3]],
                           "context_groups": [[0, 2], [1, 3]]}
    return plan | {"strategy": strategy, "mesh": mesh}


def numbers(path):
    """All that does not depend on the clock or the executor."""
    out = json.loads(path.read_text())
    del out["executor"], out["where"]
    for each in out["passes"]:
        del each["wall_s"], each["kernel_s"]
    return out


class Mpi(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hsap-mpi-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.plan = self.folder / "plan.json"
        self.good = json.loads(call([TUNE, *QUESTION, "-o", "-"]).stdout)

    def test_equal_to_threads_bit_for_bit(self):
        for exchange in ("ring", "all_gather", "hierarchical"):
            self.plan.write_text(json.dumps(with_strategy(self.good, exchange=exchange)))
            mpi, host = self.folder / "mpi.json", self.folder / "host.json"
            run = [VALIDATE, "run", self.plan, "--leaks", "1", "--force", "--quiet", "--json"]
            done = call([*MPI, "-n", "4", *run, mpi, "--executor", "mpi"])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(call([*run, host]).returncode, 0)
            self.assertEqual(numbers(mpi), numbers(host))
            self.assertTrue(numbers(mpi)["right"])

    def test_wrong_number_of_processes(self):
        self.plan.write_text(json.dumps(with_strategy(self.good, exchange="ring")))
        done = call([*MPI, "-n", "3", VALIDATE, "run", self.plan, "--executor", "mpi"])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("found 3, expected mpirun -n 4", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_all_fail_when_the_numbers_do(self):
        self.plan.write_text(json.dumps(with_strategy(self.good, exchange="ring")))
        run = [VALIDATE, "run", self.plan, "--executor", "mpi", "--tolerance", "1e-9"]
        script = 'found=0; "$@" || found=$?; echo "exit code $found"'
        done = call([*MPI, "-n", "4", "sh", "-c", script, "-", *run])
        self.assertEqual(done.stdout.count("exit code 1"), 4, done.stdout)
        self.assertEqual(done.stderr.count("hsap-validate: error"), 1, done.stderr)

    def test_an_error_is_told_once(self):
        self.plan.write_text("{}")
        done = call([*MPI, "-n", "4", VALIDATE, "run", self.plan, "--executor", "mpi"])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("hsap-validate: error"), 1, done.stderr)

    def test_ranks_that_cannot_go_on_are_reported(self):
        stuck = call([*MPI, "-n", "2", STUCK, "lost-send"])
        self.assertIn("ranks have waited too long", stuck.stdout)
        self.assertIn("rank 1 at operation", stuck.stdout)
        left = call([*MPI, "-n", "2", STUCK, "lost-receive"])
        self.assertIn("messages that nobody received", left.stdout)
        self.assertIn("rank 1 left 1 from rank 0", left.stdout)

    def test_a_rank_that_dies_ends_all(self):
        self.plan.write_text(json.dumps(with_strategy(self.good, exchange="ring")))
        run = [VALIDATE, "run", self.plan, "--executor", "mpi"]
        done = call([*MPI, "-n", "3", *run, ":", "-n", "1", "false"])
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("right", done.stdout)


if __name__ == "__main__":
    unittest.main()
