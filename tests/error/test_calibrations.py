"""hsap-topo calibrate on tables that are fine: what it answers and writes."""

import json
import unittest
import xml.dom.minidom

from harness import ROOT, ProgramTest

TABLES = ROOT / "topologies" / "calibration"
TRANSFERS = TABLES / "fit-a800-transfers.csv"
KERNELS = TABLES / "fit-a800-kernels.csv"
COMMAND = ["hsap-topo", "calibrate", "--cluster", "fit-a800"]


class Calibrations(ProgramTest):
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

    def test_picture(self):
        picture = self.folder / "picture.svg"
        command = [*COMMAND, "--kernels", KERNELS, "--picture", picture]
        self.answer(command)
        rows = xml.dom.minidom.parse(str(picture)).getElementsByTagName("circle")
        self.assertEqual(len(rows), 160)
        alone = self.answer([*COMMAND, "--kernels", KERNELS, "--picture", "-"])
        self.assertEqual(alone, picture.read_text())
        self.refuse(command, picture, "file exists")

    def test_existing_output_is_kept(self):
        out = self.file("out.json", "{}")
        self.refuse([*COMMAND, "--kernels", KERNELS, "-o", out], out)
        self.answer([*COMMAND, "--kernels", KERNELS, "-o", out, "--force"])


if __name__ == "__main__":
    unittest.main()
