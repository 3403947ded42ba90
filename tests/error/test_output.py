"""Where answers go: streams, files, exit codes, and that they do not depend on threads."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

from harness import PROGRAMS, ROOT, SIM, TOPO, ProgramTest, run

SWEEP = [*SIM, "--exchange", "ring,all_gather", "--ulysses", "1,2,4"]


def without_clock(text):
    """JSON without what the clock says."""
    value = json.loads(text)
    for prediction in value.get("predictions", [value]):
        del prediction["simulator"]["wall_s"]
    return json.dumps(value)


class Files(ProgramTest):
    def test_existing_file_needs_force(self):
        path = self.file("out.json", "precious")
        for command in (SIM, TOPO):
            self.refuse([*command, "--json", path], path, "file exists", "--force")
            self.assertEqual(path.read_text(), "precious")
            self.answer([*command, "--json", path, "--force"])
            json.loads(path.read_text())
            path.write_text("precious")

    def test_timeline_is_checked_before_anything_is_written(self):
        trace = self.file("trace.json", "precious")
        out = self.folder / "out.json"
        self.refuse([*SIM, "--json", out, "--timeline", trace], trace, "file exists")
        self.assertFalse(out.exists())

    def test_places_that_cannot_be_written(self):
        plain = self.file("plain", "")
        for path in (self.folder / "no" / "such" / "out.json", plain / "out.json", self.folder,
                     "/dev/full", "/proc/hsap.json"):
            self.refuse([*SIM, "--json", path, "--force"], path)
            self.refuse([*TOPO, "--json", path, "--force"], path)

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_folder_without_permission(self):
        closed = self.folder / "closed"
        closed.mkdir(mode=0o555)
        self.refuse([*SIM, "--json", closed / "out.json"], closed)

    def test_two_outputs_to_one_file(self):
        path = self.folder / "out.json"
        self.refuse([*SIM, "--json", path, "--timeline", path], path, "named twice")

    def test_no_temporary_stays(self):
        self.answer([*SIM, "--json", self.folder / "out.json", "--timeline",
                     self.folder / "trace.json"])
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ["out.json", "trace.json"])
        json.loads((self.folder / "trace.json").read_text())


class Streams(ProgramTest):
    def test_full_disk_behind_stdout(self):
        for command in (SIM, TOPO, [*SIM, "--json", "-"]):
            with open("/dev/full", "w") as full:
                self.refuse(command, "stdout", "cannot be written", stdout=full)

    def test_closed_pipe_behind_stdout(self):
        for command in (SIM, TOPO, [*SIM, "--json", "-"]):
            reader, writer = os.pipe()
            os.close(reader)
            try:
                self.refuse(command, "stdout", "cannot be written", stdout=writer)
            finally:
                os.close(writer)

    def test_json_on_stdout_is_alone(self):
        for command in (SIM, SWEEP, TOPO):
            done = run([*command, "--json", "-"])
            json.loads(done.stdout)
            self.assertEqual(done.stderr, "")

    def test_any_output_on_stdout_is_alone(self):
        trace = json.loads(self.answer([*SIM, "--timeline", "-"]))
        self.assertIn("traceEvents", trace)
        path = self.folder / "out.json"
        self.assertEqual(json.loads(self.answer([*SIM, "--timeline", "-", "--json", path])), trace)
        json.loads(path.read_text())
        self.refuse([*SIM, "--timeline", "-", "--json", "-"], "-: --timeline: named twice")

    def test_table_goes_to_stdout_and_no_progress_off_a_terminal(self):
        done = run(SWEEP)
        self.assertEqual(done.returncode, 0)
        self.assertIn("strategy", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_quiet_prints_nothing(self):
        path = self.folder / "out.json"
        self.assertEqual(self.answer([*SIM, "--quiet", "--json", path]), "")
        json.loads(path.read_text())

    def test_color(self):
        escape = "\x1b["
        for command in (SIM, TOPO):
            self.assertNotIn(escape, self.answer(command))
            self.assertNotIn(escape, self.answer([*command, "--color", "never"]))
            self.assertIn(escape, self.answer([*command, "--color", "always"]))
            environment = os.environ | {"NO_COLOR": "1", "TERM": "xterm"}
            self.assertNotIn(escape, self.answer(command, env=environment))


class Interrupt(ProgramTest):
    def test_interrupt_ends_with_130_and_leaves_nothing(self):
        long = [*SIM[1:], "--nodes", "32", "--layout", "all", "--exchange", "all", "--ulysses", "all"]
        process = subprocess.Popen(
            [PROGRAMS["hsap-sim"], *long, "--threads", "1", "--json", self.folder / "out.json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.3)
        self.assertIsNone(process.poll(), "finished before it could be interrupted")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(out, b"")
        self.assertEqual(list(self.folder.iterdir()), [])


class Determinism(ProgramTest):
    def test_same_question_same_bytes(self):
        for command in (SIM, SWEEP):
            first = without_clock(self.answer([*command, "--json", "-"]))
            self.assertEqual(without_clock(self.answer([*command, "--json", "-"])), first)
            for threads in ("1", "2"):
                again = self.answer([*command, "--json", "-", "--threads", threads])
                self.assertEqual(without_clock(again), first)

    def test_same_seed_same_batches(self):
        sampled = ["hsap-sim", "--cluster", "dgx-h100", "--heads", "8", "--trace", "wlb-llm",
                   "--context", "64K", "--batches", "2", "--json", "-"]
        first = without_clock(self.answer([*sampled, "--seed", "5"]))
        self.assertEqual(without_clock(self.answer([*sampled, "--seed", "5"])), first)
        self.assertNotEqual(without_clock(self.answer([*sampled, "--seed", "6"])), first)

    def test_timeline_is_the_same_bytes(self):
        texts = []
        for name in ("a.json", "b.json"):
            self.answer([*SIM, "--timeline", self.folder / name])
            texts.append((self.folder / name).read_text())
        self.assertEqual(texts[0], texts[1])


class Help(ProgramTest):
    CLUSTER = ["--cluster", "--nodes", "--set"]
    OUTPUT = ["--json", "--quiet", "--color", "--force", "--version", "--help"]
    PROBLEM = ["--model", "--heads", "--kv-heads", "--head-dim", "--documents", "--trace",
               "--context", "--batches", "--seed", "--mask", "--pass", "--dtype", "--runtime"]
    STRATEGY = ["--ulysses", "--context-parallel", "--order", "--layout", "--exchange", "--stages"]

    def assert_mentions(self, command, flags):
        text = self.answer([*command, "--help"])
        for flag in flags:
            self.assertIn(flag, text)

    def test_help_names_the_flags_of_the_contract(self):
        self.assert_mentions(["hsap-sim"], [*self.CLUSTER, *self.PROBLEM, *self.STRATEGY,
                                            *self.OUTPUT, "--timeline", "--threads"])
        self.assert_mentions(["hsap-topo", "show"], [*self.CLUSTER, *self.OUTPUT])

    def test_the_manual_names_every_flag(self):
        manual = (ROOT / "docs" / "cli.md").read_text()
        for command in (["hsap-sim"], ["hsap-tune"], ["hsap-topo", "show"], ["hsap-plan", "show"],
                        ["hsap-plan", "check"], ["hsap-plan", "export"]):
            text = self.answer([*command, "--help"])
            for flag in set(re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)", text, re.MULTILINE)):
                self.assertIn(f"`{flag}", manual, command)

    def test_version(self):
        for program in PROGRAMS:
            self.assertRegex(self.answer([program, "--version"]), rf"^{program} \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
