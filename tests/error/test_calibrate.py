"""hsap-topo calibrate on tables that are missing, damaged, nonsense or too large."""

import json
import os
import unittest
import xml.dom.minidom

from harness import ROOT, ProgramTest, run

TABLES = ROOT / "topologies" / "calibration"
TRANSFERS = TABLES / "fit-a800-transfers.csv"
KERNELS = TABLES / "fit-a800-kernels.csv"
COMMAND = ["hsap-topo", "calibrate", "--cluster", "fit-a800"]


class Calibrate(ProgramTest):
    def refuse_table(self, flag, name, content, *needles):
        path = self.file(name, content)
        self.refuse([*COMMAND, flag, path, "-o", self.folder / "out.json"], path, *needles)

    def test_every_shipped_table_makes_a_cluster_that_the_simulator_reads(self):
        for name in ("fit-a800", "fit-h800", "zhipu", "qiyuan", "dgx-h100", "hgx-h200",
                     "gb200-nvl72"):
            out = self.folder / f"{name}.json"
            tables = []
            for flag in ("kernels", "transfers"):
                table = TABLES / f"{name}-{flag}.csv"
                tables += [f"--{flag}", table] if table.exists() else []
            self.answer(["hsap-topo", "calibrate", "--cluster", name, *tables, "-o", out])
            self.answer(["hsap-sim", "--cluster", out, "--nodes", "2", "--heads", "32",
                         "--documents", "16K"])

    def test_machine_output_alone(self):
        said = json.loads(self.answer([*COMMAND, "--kernels", KERNELS, "--json", "-"]))
        self.assertEqual(said["schema"], "hsap.calibration/1")
        self.assertEqual(len(said["rows"]), 160)
        self.assertEqual(len(said["numbers"]), 8)
        self.assertTrue(any(line.startswith("attention forward: fitted to 80 rows")
                            for line in said["cluster"]["sources"]))
        named = json.loads(self.answer([*COMMAND, "--kernels", KERNELS, "--name", "mine",
                                        "-o", "-"]))
        self.assertEqual(named["name"], "mine")
        del named["name"], said["cluster"]["name"]
        self.assertEqual(named, said["cluster"])

    def test_same_bytes_twice(self):
        command = [*COMMAND, "--kernels", KERNELS, "--transfers", TRANSFERS, "--json", "-"]
        self.assertEqual(self.answer(command), self.answer(command))

    def test_report(self):
        said = self.answer([*COMMAND, "--transfers", TRANSFERS])
        for text in ("Not determined", "8 at once between nodes", "inter-node, 16 at once",
                     "device: no kernels", "MAPE"):
            self.assertIn(text, said)

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
        if done.returncode == 1:
            self.refuse(command, "no CUDA device", code=1)
        elif done.returncode == 2:
            self.refuse(command, "this hsap was built without CUDA")
        else:
            self.skipTest("this machine has a GPU")

    def test_flags_of_a_measurement(self):
        measure = ["hsap-topo", "calibrate", "--gpu"]
        self.refuse([*COMMAND, "--kernels", KERNELS, "--budget", "9"], "--budget requires --gpu")
        self.refuse([*measure, "--kernels", KERNELS], "--kernels excludes --gpu")
        self.refuse([*COMMAND, "--kernels", KERNELS, "--ranks", "2"], "--ranks requires --gpu")
        self.refuse([*measure, "--ranks", "0"], "--ranks")
        for seconds in ("0", "-1", "nan", "4000", "1m"):
            self.refuse([*measure, "--budget", seconds], "--budget", seconds)

    def test_picture(self):
        picture = self.folder / "picture.svg"
        command = [*COMMAND, "--kernels", KERNELS, "--picture", picture]
        self.answer(command)
        rows = xml.dom.minidom.parse(str(picture)).getElementsByTagName("circle")
        self.assertEqual(len(rows), 160)
        self.refuse(command, picture, "file exists")

    def test_existing_output_is_kept(self):
        out = self.file("out.json", "{}")
        self.refuse([*COMMAND, "--kernels", KERNELS, "-o", out], out)
        self.answer([*COMMAND, "--kernels", KERNELS, "-o", out, "--force"])

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

    def test_too_much(self):
        path = self.file("huge.csv", "pattern,bytes,us\n")
        os.truncate(path, 100 << 30)  # sparse: takes no space
        self.refuse([*COMMAND, "--transfers", path], path, "too large")
        self.refuse_table("--transfers", "rows.csv", "pattern,bytes,us\n" + "0>1,8,1\n" * 250000,
                          "line 200002", "too many rows")


if __name__ == "__main__":
    unittest.main()
