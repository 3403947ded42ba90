"""scripts/bench_torch_attention.py over a PyTorch that is two clocks, of Python and of the GPU."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".").resolve()
TORCH = """
from types import SimpleNamespace as Names
__version__ = "0"
bfloat16 = uint8 = None
now = {"host": 0.0, "gpu": 0.0}
queries = set()

def issue(host_s, gpu_s):
    now["host"] += host_s
    now["gpu"] = max(now["gpu"], now["host"]) + gpu_s

class Tensor:
    def __init__(self, *shape, bytes_each=2, **_):
        self.shape, self.nbytes = shape, bytes_each
        for size in shape:
            self.nbytes *= size
    def copy_(self, other):
        issue(20e-6, other.nbytes / 1e12)

def empty(size, **_):
    return Tensor(size, bytes_each=1)

def randn(*shape, **_):
    return Tensor(*shape)

def randn_like(other):
    return Tensor(*other.shape)

class Event:
    def __init__(self, enable_timing):
        assert enable_timing
    def record(self):
        issue(2e-6, 0)
        self.at_s = now["gpu"]
    def synchronize(self):
        synchronize()
    def elapsed_time(self, end):
        return (end.at_s - self.at_s) * 1e3

def synchronize():
    now["host"] = max(now["host"], now["gpu"])

def attend(q, k, v, is_causal, enable_gqa):
    queries.add(q)
    cached = sum(each.nbytes for each in queries) < 50 << 20
    issue(90e-6, 5e-6 if cached else 10e-6)
    return Tensor(*q.shape)

def grad(out, inputs, dout, retain_graph):
    assert len(inputs) == 3
    issue(150e-6, 25e-6)

cuda = Names(Event=Event, synchronize=synchronize, is_available=lambda: True, empty_cache=lambda: None,
             get_device_name=lambda: "clocks",
             get_device_properties=lambda _: Names(L2_cache_size=50 << 20))
autograd = Names(grad=grad)
from . import nn
nn.functional = Names(scaled_dot_product_attention=attend)
"""
ATTENTION = """
from contextlib import nullcontext as sdpa_kernel
class SDPBackend:
    FLASH_ATTENTION, CUDNN_ATTENTION = range(2)
"""


class BenchTorch(unittest.TestCase):
    def test_neither_python_nor_the_cache_is_timed(self):
        row = {"packed": False, "what": "1K causal", "tokens": 1024, "heads": 64, "kv_heads": 8,
               "head_dim": 128, "mask": "causal", "flop": 1e9, "seconds": 2e-5}
        with tempfile.TemporaryDirectory(prefix="hsap-torch-") as folder:
            root = pathlib.Path(folder)
            (root / "torch" / "nn").mkdir(parents=True)
            (root / "torch" / "__init__.py").write_text(TORCH)
            (root / "torch" / "nn" / "__init__.py").write_text("")
            (root / "torch" / "nn" / "attention.py").write_text(ATTENTION)
            times = root / "kernels.json"
            times.write_text(json.dumps({"rows": [row | {"kernel": kernel}
                                                  for kernel in ("forward", "backward")]}))
            done = subprocess.run(
                [sys.executable, ROOT / "scripts" / "bench_torch_attention.py", times], text=True,
                capture_output=True, timeout=60, env=os.environ | {"PYTHONPATH": folder})
        self.assertEqual(done.returncode, 0, done.stderr)
        rates = {line.split()[0]: line.split()[-3:] for line in done.stdout.splitlines()}
        self.assertEqual(rates["forward"], ["50", "100", "100"])
        self.assertEqual(rates["backward"], ["50", "40", "40"])


if __name__ == "__main__":
    unittest.main()
