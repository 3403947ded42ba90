"""hsap-validate cases: the comparison as people and machines see it, and files that are wrong."""

import json
import unittest

from harness import ROOT, ProgramTest, run

ATTENTION = {
    "name": "zigzag 32K", "group": "ring", "nodes": 1, "gpus_per_node": 8, "documents": [32768],
    "heads": 32, "kv_heads": 8, "head_dim": 128, "mask": "causal", "dtype": "bf16",
    "pass": "forward", "measured_s": 2e-3,
    "strategy": {"context_parallel": 8, "exchange": "ring", "layout": "zigzag"}}
KERNEL = {"name": "kernel 4K", "group": "kernel", "heads": 32, "head_dim": 128, "mask": "full",
          "pass": "backward", "kernel": {"query": 4096, "key": 4096}, "measured_s": 2e-3}
PAIR = {"name": "pair 1M", "group": "links", "nodes": 2, "transfers": [[0, 8], [8, 0]],
        "bytes": 1 << 20, "measured_s": 5e-5, "note": "both ways"}
GATHER = {"name": "gather 16M", "group": "links", "collective": "all_gather", "bytes": 16 << 20,
          "measured_s": 1e-4}
WHOLE = {"name": "whole", "group": "plans", "overlap": {"compute_s": 2e-3, "communication_s": 1e-3},
         "measured_s": 2e-3}
MEMORY = {"name": "8B 32K", "group": "memory", "model": "llama3-8b", "documents": [32768],
          "training": {"zero": 3, "checkpointing": "full"}, "strategy": {"ulysses": 8},
          "measured_peak_bytes": 25e9}
FILE = {"schema": "hsap.cases/1", "source": "made up", "cluster": "dgx-h100", "runtime": "hsap",
        "cases": [ATTENTION, KERNEL, PAIR, GATHER]}


class Cases(ProgramTest):
    def command(self, content, *flags):
        return ["hsap-validate", "cases", self.file("cases.json", content), *flags]

    def predicted(self, content, *flags):
        """{name: predicted seconds} of a file."""
        out = json.loads(self.answer(self.command(content, "--json", "-", *flags)))
        return {case["name"]: case["predicted_s"] for case in out["files"][0]["cases"]}

    def measured_as(self, *factors):
        """The file with each measured time so many times what is predicted."""
        predicted = self.predicted(FILE)
        cases = [case | {"measured_s": predicted[case["name"]] / factor}
                 for case, factor in zip(FILE["cases"], factors)]
        return FILE | {"cases": cases}

    def test_statistics_follow_from_the_cases(self):
        content = self.measured_as(1.1, 0.8, 1.3, 1.3)
        out = json.loads(self.answer(self.command(content, "--json", "-")))
        self.assertEqual([round(c["error"], 9) for c in out["files"][0]["cases"]],
                         [0.1, -0.2, 0.3, 0.3])
        self.assertAlmostEqual(out["overall"]["mape"], 0.225)
        self.assertAlmostEqual(out["overall"]["median_error"], 0.25)
        self.assertAlmostEqual(out["overall"]["bias"], 0.125)
        groups = {group["group"]: group for group in out["files"][0]["statistics"]}
        self.assertEqual(groups["links"]["cases"], 2)
        self.assertAlmostEqual(groups["links"]["mape"], 0.3)
        self.assertEqual(groups["links"]["kendall_tau"], 1)
        self.assertIsNone(groups["ring"]["kendall_tau"])

    def test_memory_is_compared_in_bytes(self):
        content = FILE | {"cases": [KERNEL, MEMORY]}
        kernel, memory = json.loads(self.answer(self.command(content, "--json", "-")))["files"][0]["cases"]
        self.assertNotIn("measured_peak_bytes", kernel)
        self.assertNotIn("measured_s", memory)
        predicted = memory["predicted_peak_bytes"]
        self.assertGreater(predicted, 16 * 8.03e9 / 8)
        self.assertAlmostEqual(memory["error"], predicted / 25e9 - 1)
        text = self.answer(self.command(content, "--each"))
        self.assertIn("25.00 GB", text)
        self.assertIn(f"{predicted / 1e9:.2f} GB", text)
        self.refuse_case(KERNEL | {"measured_peak_bytes": 1}, "/cases/1/measured_s", "measured_peak_bytes")

    def test_the_table_tells_the_same_and_notes_on_request(self):
        text = self.answer(self.command(FILE, "--each"))
        for needle in ("zigzag 32K", "kernel 4K", "both ways", "made up", "dgx-h100", "MAPE"):
            self.assertIn(needle, text)
        self.assertNotIn("both ways", self.answer(self.command(FILE)))

    def test_too_large_an_error_is_a_no_and_the_report_still_comes(self):
        content = self.measured_as(1.1, 0.9, 1.1, 0.9)
        self.answer(self.command(content, "--max-mape", "10.1"))
        done = run(self.command(content, "--max-mape", "9.9"))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("10.0 %", done.stderr)
        self.assertIn("MAPE", done.stdout)

    def test_threads_change_nothing(self):
        shipped = ROOT / "validate" / "cases" / "collectives-h100-public.json"
        command = ["hsap-validate", "cases", shipped, "--json", "-", "--threads"]
        self.assertEqual(self.answer([*command, "1"]), self.answer([*command, "3"]))

    def test_inline_cluster_and_runtime_are_those_of_the_names(self):
        inline = FILE | {"cluster": self.shipped("topologies", "dgx-h100"),
                         "runtime": self.shipped("runtimes", "hsap")}
        self.assertEqual(self.predicted(inline), self.predicted(FILE))

    def test_calibration_reaches_the_prediction(self):
        # Half the rate: the transfer's bytes take twice as long, the kernel is as before.
        rate = self.shipped("topologies", "dgx-h100")["nic"]["bandwidth_bytes_per_s"]
        slow = self.predicted(FILE | {"calibration": {"nic.bandwidth_bytes_per_s": rate / 2}})
        usual = self.predicted(FILE)
        self.assertGreater(slow["pair 1M"], 1.3 * usual["pair 1M"])
        self.assertEqual(slow["kernel 4K"], usual["kernel 4K"])

    def refuse_file(self, content, *needles):
        self.refuse(self.command(content), "cases.json", *needles)

    def refuse_case(self, change, *needles):
        case = {key: value for key, value in change.items() if value is not None}
        self.refuse_file(FILE | {"cases": [GATHER, case]}, *needles)

    def test_bad_files(self):
        self.refuse(["hsap-validate", "cases", self.folder / "none.json"], "no such file")
        self.refuse_file(json.dumps(FILE)[:300], "not valid JSON", "line 1")
        self.refuse_file(FILE | {"schema": "hsap.plan/1"}, "/schema", "hsap.plan/1")
        self.refuse_file(FILE | {"cases": []}, "/cases", "no cases")
        self.refuse_file(FILE | {"cases": {}}, "/cases")
        self.refuse_file(FILE | {"extra": 1}, "extra")
        self.refuse_file(FILE | {"cluster": 8}, "/cluster")
        self.refuse(self.command(FILE | {"cluster": "dgx-h10"}), "dgx-h100")
        self.refuse(self.command(FILE | {"runtime": "idle"}), "ideal")
        self.refuse_file(FILE | {"calibration": {"nic.bandwidth_bytes_per_s": "fast"}},
                         "/calibration")
        self.refuse_file(FILE | {"calibration": [1]}, "/calibration")
        self.refuse_file(FILE | {"calibration": 5}, "/calibration")

    def test_bad_inline_objects_are_told_with_their_place(self):
        cluster = self.shipped("topologies", "dgx-h100")
        cluster["device"]["multiprocessors"] = -1
        self.refuse_file(FILE | {"cluster": cluster}, "/cluster/device/multiprocessors", "-1")
        runtime = self.shipped("runtimes", "hsap") | {"host_launch_s": 5}
        self.refuse_file(FILE | {"runtime": runtime}, "/runtime/host_launch_s", "5")

    def test_bad_cases(self):
        self.refuse_case(ATTENTION | {"measured_s": 0}, "/cases/1/measured_s")
        self.refuse_case(ATTENTION | {"measured_s": None}, "/cases/1", "measured_s")
        self.refuse_case(ATTENTION | {"name": 3}, "/cases/1/name")
        self.refuse_case(ATTENTION | {"runtime": 3}, "/cases/1/runtime")
        self.refuse_case(ATTENTION | {"runtime": "hasp"}, "hsap")
        self.refuse_case(ATTENTION | {"documents": [2**30, 2**30]}, "/cases/1/documents")
        self.refuse_case(ATTENTION | {"documents": [0]}, "/cases/1/documents/0")
        without = {key: value for key, value in ATTENTION.items() if key != "documents"}
        self.refuse_case(without | {"batches": []}, "/cases/1/batches", "no batches")
        self.refuse_case(without | {"batches": [{"documents": [8, 0]}]},
                         "/cases/1/batches/0/documents/1")
        self.refuse_case(ATTENTION | {"batches": [{"documents": [8]}]}, "/cases/1", "documents")
        self.refuse_case(ATTENTION | {"nodes": 2**40}, "/cases/1/nodes")
        self.refuse_case(ATTENTION | {"gpus_per_node": 9}, "/cases/1/gpus_per_node")
        self.refuse_case(ATTENTION | {"mask": "square"}, "/cases/1/mask", "'square'")
        self.refuse_case(ATTENTION | {"bytes": 7}, "/cases/1", "bytes")
        self.refuse_case(KERNEL | {"pass": "both"}, "/cases/1/pass")
        self.refuse_case(KERNEL | {"kernel": None}, "/cases/1", "kernel")
        many = {"query": 1 << 20, "key": 8, "documents": 1 << 20}
        self.refuse_case(KERNEL | {"kernel": many}, "/cases/1/kernel/documents", "more tokens")
        packed = KERNEL | {"kernel": None, "documents": [65537] * 64}
        self.refuse_case(packed | {"mask": "shared_question:1:65536"}, "/cases/1/documents",
                         "4194432 slices")
        self.refuse_case(PAIR | {"transfers": [[0, 16]]}, "/cases/1/transfers")
        self.refuse_case(PAIR | {"transfers": [[3, 3]]}, "/cases/1/transfers")
        self.refuse_case(PAIR | {"bytes": 2**60}, "/cases/1/bytes")
        self.refuse_case(WHOLE | {"overlap": {"compute_s": 1}}, "/cases/1/overlap",
                         "communication_s")
        self.refuse_case(WHOLE | {"overlap": {"compute_s": -1, "communication_s": 1}},
                         "/cases/1/overlap/compute_s")
        self.refuse_case(GATHER | {"collective": "broadcast"}, "/cases/1/collective", "all_gather")

    def test_setups_that_do_not_fit_are_refused_with_their_case(self):
        self.refuse_case(ATTENTION | {"strategy": {"context_parallel": 2**20}}, "/cases/1")
        self.refuse_case(ATTENTION | {"strategy": {"context_parallel": 3}}, "/cases/1/strategy",
                         "8 ranks")
        self.refuse_case(ATTENTION | {"strategy": {"ulysses": 1, "context_parallel": 3}},
                         "/cases/1", "3 ranks on 8 GPUs")
        self.refuse_case(WHOLE | {"overlap": {"compute_s": 1, "communication_s": 1e-9}},
                         "/cases/1", "no message takes")
        self.refuse_case(GATHER | {"gpus_per_node": 1}, "/cases/1", "collective")

    def test_flags(self):
        self.refuse(self.command(FILE, "--max-mape", "-1"), "--max-mape", "'-1'")
        self.refuse(self.command(FILE, "--threads", "0.5"), "--threads", "'0.5'")
        kept = self.file("out.json", "precious")
        self.refuse(self.command(FILE, "--json", kept), kept, "file exists")


if __name__ == "__main__":
    unittest.main()
