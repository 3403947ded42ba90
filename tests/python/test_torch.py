"""hsap.torch in several processes with gloo. Without torch there is nothing to test: exit 77."""

import importlib.util
import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

import cluster

HERE = pathlib.Path(__file__).parent


class Attention(unittest.TestCase):
    def check(self, processes, seed, turns):
        """Every exchange with every layout, the rest drawn."""
        for rank, (code, output) in enumerate(
                cluster.launch(HERE / "attention_cases.py", processes, str(seed), str(turns))):
            self.assertEqual(code, 0, f"rank {rank} of {processes}: {output}")
            report = json.loads(output)
            self.assertGreaterEqual(report["ran"], 20 * turns)
            self.assertEqual(set(report["worst"]),
                             {"torch.float32", "torch.float64", "torch.bfloat16"})

    def test_two_ranks(self):
        self.check(2, seed=1, turns=3)

    def test_three_ranks(self):
        self.check(3, seed=2, turns=2)

    def test_eight_ranks(self):
        self.check(8, seed=3, turns=1)

    def test_refusals_and_own_kernels(self):
        (code, output), = cluster.launch(HERE / "one_rank.py", 1)
        self.assertEqual(code, 0, output)

    def test_the_example(self):
        """With the environment that torchrun makes."""
        example = HERE.parents[1] / "python" / "examples" / "packed_attention.py"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        common = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1",
                               "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                               "WORLD_SIZE": "2", "CUDA_VISIBLE_DEVICES": ""}
        running = [subprocess.Popen([sys.executable, example], text=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE,
                                    env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
                   for rank in range(2)]
        for rank, process in enumerate(running):
            output, errors = process.communicate(timeout=cluster.SECONDS)
            self.assertEqual(process.returncode, 0, errors)
            self.assertIn(f"rank {rank}: 512 tokens", output)

    def test_a_rank_that_leaves_ends_the_others(self):
        results = cluster.launch(HERE / "lost_rank.py", 3)
        for rank in (0, 2):
            code, output = results[rank]
            self.assertNotEqual(code, 0, output)
            self.assertIn("RuntimeError", output)
            self.assertNotIn("without rank 1", output)


if __name__ == "__main__":
    if importlib.util.find_spec("torch") is None:
        print("no torch here: skipped")
        sys.exit(77)
    unittest.main()
