"""hsap-topo import on files that are missing, damaged, hostile or too large."""

import json
import os
import unittest

from harness import ROOT, ProgramTest, run

MACHINES = ROOT / "tests" / "unit" / "cluster" / "machines"
GOOD = MACHINES / "nvswitch.xml"


class Import(ProgramTest):
    def refuse_import(self, name, content, *needles):
        path = self.file(name, content)
        self.refuse(["hsap-topo", "import", path, "-o", self.folder / "out.json"], path, *needles)

    def test_good_files_make_clusters_that_the_programs_read(self):
        for machine in sorted(MACHINES.iterdir()):
            out = self.folder / f"{machine.name}.json"
            self.answer(["hsap-topo", "import", machine, "-o", out])
            self.answer(["hsap-topo", "show", "--cluster", out])
            self.answer(["hsap-sim", "--cluster", out, "--heads", "32", "--documents", "8K"])

    def test_machine_output_alone(self):
        said = json.loads(self.answer(["hsap-topo", "import", GOOD, "--json", "-"]))
        self.assertEqual(said["schema"], "hsap.import/1")
        self.assertEqual([warning["name"] for warning in said["warnings"]], ["slow-bridge"])
        written = json.loads(self.answer(["hsap-topo", "import", GOOD, "-o", "-"]))
        self.assertEqual(written, said["cluster"])

    def test_same_bytes_twice(self):
        command = ["hsap-topo", "import", GOOD, "--json", "-"]
        self.assertEqual(self.answer(command), self.answer(command))

    def test_no_such_file(self):
        path = self.folder / "none.xml"
        self.refuse(["hsap-topo", "import", path], path, "no such file")
        self.refuse(["hsap-topo", "import", self.folder], self.folder, "not a regular file")

    def test_truncated(self):
        text = GOOD.read_text()
        self.refuse_import("half.xml", text[:len(text) // 2], "line ", "not well-formed XML",
                           "found", "expected")
        table = (MACHINES / "switched.txt").read_text().splitlines()
        self.refuse_import("half.txt", "\n".join(table[:3]), "the table ends too early", "GPU2")

    def test_hostile_entities(self):
        laughs = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
        self.refuse_import("laughs.xml", f'<!DOCTYPE l [<!ENTITY l0 "lol">{laughs}]>\n'
                           '<system version="&l9;"/>', "line 1", "document type declaration")
        self.refuse_import("outside.xml", '<!DOCTYPE s SYSTEM "file:///etc/passwd">\n'
                           '<system version="1"/>', "line 1", "document type declaration")

    def test_too_much(self):
        path = self.file("huge.xml", "<system version=\"1\">")
        os.truncate(path, 100 << 30)  # sparse: takes no space
        self.refuse(["hsap-topo", "import", path], path, "too large")
        self.refuse_import("elements.xml", '<system version="1">' + "<a/>\n" * 1000000,
                           "too many elements", "65536")
        self.refuse_import("deep.xml", "<a>" * 60000 + "</a>" * 60000, "nested too deep", "64")

    def test_garbage(self):
        self.refuse_import("garbage.xml", bytes(range(256)) * 64, "line 1")
        self.refuse_import("zeros.xml", b"<system>\0</system>", "a control character")
        self.refuse_import("empty.xml", "", "an empty file")
        self.refuse_import("log.txt", "no matrix here\n", "unknown format")

    def test_wrong_units_and_ranges(self):
        text = GOOD.read_text()
        self.refuse_import("unit.xml", text.replace("5.0 GT/s PCIe", "32 GB/s"), "line 3",
                           "unknown unit in 'link_speed'", "'32 GB/s'", "GT/s")
        self.refuse_import("rate.xml", text.replace('speed="400000"', 'speed="400 Gb/s"'),
                           "'400 Gb/s'", "an integer from -1 to 10000000")
        self.refuse_import("links.xml", text.replace('count="10"', 'count="1000000000"'),
                           "line 7", "bad 'count'", "'1000000000'", "from 1 to 64")
        self.refuse_import("twice.xml", text.replace("0000:89:00.0", "0000:0f:00.0"),
                           "bus id given twice", "as in line 5")

    def test_flags(self):
        for flag, value, needle in (("--sm", "9", "--sm"), ("--nic-gbps", "-1", "above 0"),
                                    ("--nic-gbps", "fast", "fast"), ("--nvlink", "65", "--nvlink"),
                                    ("--from", "hwloc", "'nccl-xml' or 'topo-m'"),
                                    ("--like", "dgx-h10", "'dgx-h100'"),
                                    ("--nodes", "0", "--nodes")):
            self.refuse(["hsap-topo", "import", GOOD, flag, value], needle)
        self.refuse(["hsap-topo", "import", GOOD, "--sm", "80"], GOOD, "line 5",
                    "--sm contradicts the file")
        self.refuse(["hsap-topo", "import", MACHINES / "direct.xml", "--nodes", "2"],
                    "--nodes", "no NIC")

    def test_nothing_is_overwritten(self):
        out = self.file("out.json", "precious")
        self.refuse(["hsap-topo", "import", GOOD, "-o", out], out, "file exists")
        done = run(["hsap-topo", "import", GOOD, "-o", out, "--force", "--quiet"])
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(json.loads(out.read_text())["schema"], "hsap.cluster/1")


if __name__ == "__main__":
    unittest.main()
