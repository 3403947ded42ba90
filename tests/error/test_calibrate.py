"""hsap-topo calibrate on tables that are missing, damaged, nonsense or too large."""

import os
import unittest

from harness import ProgramTest, run
from test_calibrations import COMMAND, KERNELS, TRANSFERS


class Calibrate(ProgramTest):
    def refuse_table(self, flag, name, content, *needles):
        path = self.file(name, content)
        self.refuse([*COMMAND, flag, path, "-o", self.folder / "out.json"], path, *needles)

    def test_flags(self):
        self.refuse(COMMAND, "nothing to fit to")
        self.refuse(["hsap-topo", "calibrate", "--transfers", TRANSFERS], "--cluster")
        self.refuse(["hsap-topo", "calibrate", "--cluster", "fit-a80", "--transfers", TRANSFERS],
                    "fit-a80", "fit-a800")
        self.refuse([*COMMAND, "--nodes", "1", "--transfers", TRANSFERS], TRANSFERS, "line 3",
                    "no such GPU", "at most 7")
        self.refuse([*COMMAND, "--transfers", self.folder / "none.csv"], "no such file")

    def test_without_a_gpu_a_measurement_says_what_is_missing(self):
        command = ["hsap-topo", "calibrate", "--gpu", "--tables", self.folder / "new"]
        done = run(command)
        if done.returncode == 0:
            self.skipTest("this machine has a GPU")
        built = "this hsap was built without CUDA" not in done.stderr
        self.refuse(command, "no CUDA device" if built else "needs a build where nvcc", code=1)

    def test_flags_of_a_measurement(self):
        measure = ["hsap-topo", "calibrate", "--gpu"]
        self.refuse([*COMMAND, "--kernels", KERNELS, "--budget", "9"], "--budget requires --gpu")
        self.refuse([*measure, "--kernels", KERNELS], "--kernels excludes --gpu")
        self.refuse([*COMMAND, "--kernels", KERNELS, "--ranks", "2"], "--ranks requires --gpu")
        self.refuse([*measure, "--ranks", "0"], "--ranks")
        for seconds in ("0", "-1", "nan", "4000", "1m"):
            self.refuse([*measure, "--budget", seconds], "--budget", seconds)

    def test_nonsense(self):
        lines = TRANSFERS.read_text().splitlines()
        seconds = [line.rpartition(",") for line in lines[2:]]
        self.refuse_table("--transfers", "seconds.csv", "pattern,bytes,us\n" + "".join(
            f"{row},{float(us) * 1e-6:.12f}\n" for row, _, us in seconds),
            "line 2", "bad 'us'")
        self.refuse_table("--transfers", "ms.csv", "pattern,bytes,us\n" + "".join(
            f"{row},{float(us) * 1e-3:.6f}\n" for row, _, us in seconds),
            "faster than any network card", "at most 100 GB/s", "time in us")
        self.refuse_table("--transfers", "three.csv", "\n".join(lines[:2] + lines[-3:]),
                          "too few rounds", "found 3", "at least 4")
        kernels = KERNELS.read_text()
        self.refuse_table("--kernels", "fast.csv", kernels.replace(",16.384\n", ",0.016\n"),
                          "line 3", "faster than the device can compute", "peak_flop_per_s")
        self.refuse_table("--kernels", "negative.csv", kernels.replace(",16.384\n", ",-16.384\n"),
                          "line 3", "'-16.384'")

    def test_damage(self):
        text = TRANSFERS.read_text()
        self.refuse_table("--transfers", "half.csv", text[:text.rindex(",")], "line 130",
                          "found 2 fields", "expected 3")
        self.refuse_table("--transfers", "unit.csv", text.replace("bytes,us", "bytes,ms"),
                          "no column 'us'")
        self.refuse_table("--transfers", "binary.csv", bytes(range(256)) * 64)
        self.refuse_table("--kernels", "empty.csv", "", "an empty table")
        self.refuse_table("--kernels", "header.csv", KERNELS.read_text().splitlines()[0] + "\n"
                          + "q_len,kv_len,heads,head_dim,mask,pass,us\n", "no rows")

    def test_too_much(self):
        path = self.file("huge.csv", "pattern,bytes,us\n")
        os.truncate(path, 100 << 30)  # sparse: takes no space
        self.refuse([*COMMAND, "--transfers", path], path, "too large")
        self.refuse_table("--transfers", "rows.csv", "pattern,bytes,us\n" + "0>1,8,1\n" * 250000,
                          "line 200002", "too many rows")


if __name__ == "__main__":
    unittest.main()
