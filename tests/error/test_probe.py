"""hsap-validate probe: bad questions, hostile arrays, wrong outputs and missing files."""

import array
import json
import struct
import unittest

from harness import ProgramTest, run

WRITE = ["hsap-validate", "probe", "write"]
SMALL = ["--documents", "3,1,4", "--heads", "2", "--kv-heads", "1", "--head-dim", "8"]


def npy(shape, numbers=b"", descr="<f4"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + numbers


class Probe(ProgramTest):
    def setUp(self):
        super().setUp()
        self.probe = self.folder / "probe"
        self.check = ["hsap-validate", "probe", "check", self.probe]

    def write(self):
        self.answer([*WRITE, self.probe, *SMALL])
        return sorted(path for path in self.probe.iterdir() if path.is_dir())

    def answer_with(self, value):
        for folder in self.write():
            numbers = array.array("f", [value] * (8 * 2 * 8)).tobytes()
            (folder / "o.npy").write_bytes(npy((8, 2, 8), numbers))

    def test_bad_questions_write_nothing(self):
        self.refuse([*WRITE, self.probe, "--documents", "3,-1", "--heads", "2"], "--documents")
        self.refuse([*WRITE, self.probe, *SMALL[:-2], "--head-dim", "7"], "--head-dim", "7")
        self.refuse([*WRITE, self.probe, "--documents", "1G", "--heads", "64"], "too large")
        self.refuse([*WRITE, self.probe, "--documents", str(2**60), "--heads", "1"], "--documents")

    def test_a_folder_in_use_needs_force(self):
        self.write()
        self.refuse([*WRITE, self.probe, *SMALL], self.probe, "folder exists", "--force")
        self.answer([*WRITE, self.probe, *SMALL, "--force"])

    def test_missing_and_hostile_files(self):
        self.refuse(self.check, "probe.json", "no such file")
        self.write()
        answer = self.probe / "base" / "o.npy"
        self.refuse(self.check, answer, "no such file")
        for content, needle in ((b"", "not an array"), (npy((2**60,)), "0 bytes"),
                                (npy((2**32, 2**32)), "0 bytes"),
                                (npy((1,), b"1234"), "another shape"),
                                (npy((8, 2, 8), bytes(16), "<f2"), "'<f2'")):
            answer.write_bytes(content)
            self.refuse(self.check, answer, needle)

    def test_probe_file_of_a_stranger(self):
        self.write()
        path = self.probe / "probe.json"
        good = json.loads(path.read_text())
        for change, needle in (({"order": [0, 0, 1]}, "/order"), ({"replaced": [3]}, "/replaced"),
                               ({"documents": [2**60]}, "/documents/0"),
                               ({"documents": []}, ""), ({"extra": 1}, "/extra"),
                               ({"schema": "hsap.plan/1"}, "/schema")):
            path.write_text(json.dumps(good | change))
            self.refuse(self.check, path, needle)

    def test_wrong_outputs_are_a_no(self):
        self.answer_with(0.5)
        out = self.folder / "report.json"
        done = run([*self.check, "--json", out])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("o is wrong by", done.stderr)
        report = json.loads(out.read_text())
        self.assertEqual(report["schema"], "hsap.probe_report/1")
        self.assertEqual(report["unchanged"], [0, 1, 2])
        self.refuse([*self.check, "--json", out], out, "file exists", "--force")

    def test_gradients_of_the_reference(self):
        command = ["hsap-validate", "probe", "gradients", *SMALL]
        self.assertIn("dk", self.answer(command))
        done = run([*command, "--tolerance", "0"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.refuse([*command, "--tolerance", "-1"], "--tolerance", "'-1'")


if __name__ == "__main__":
    unittest.main()
