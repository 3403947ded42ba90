"""hsap-validate: a plan that is fine, and plans and flags that are not."""

import json
import unittest

from harness import ATTENTION, ROOT, ProgramTest, run

TUNE = ["hsap-tune", "--cluster", "dgx-h100", *ATTENTION, "--documents", "400,600,24"]


class Validate(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.good = json.loads(run([*TUNE, "-o", "-", "--embed-schedules"]).stdout)

    def command(self, plan, *flags):
        return ["hsap-validate", "run", self.file("plan.json", plan), "--tokens", "96", *flags]

    def test_a_plan_is_right(self):
        out = json.loads(self.answer(self.command(self.good, "--leaks", "2", "--gradients", "5",
                                                         "--json", "-")))
        self.assertEqual(out["schema"], "hsap.validation/1")
        self.assertTrue(out["right"])
        self.assertEqual(out["leaks"], [])
        self.assertEqual(len(out["perturbed_documents"]), 2)
        self.assertEqual([(g["tensor"], g["places"]) for g in out["gradients"]],
                         [("dq", 5), ("dk", 5), ("dv", 5)])
        for gradient in out["gradients"]:
            self.assertLess(gradient["relative_error"], 1e-2)
        self.assertEqual([t["tensor"] for t in out["tensors"]], ["o", "lse", "dq", "dk", "dv"])
        for each in out["passes"]:
            self.assertEqual(each["planned_buffer_bytes"], each["measured_buffer_bytes"])
            for link in each["links"].values():
                self.assertEqual(link["predicted_bytes"], link["measured_bytes"])

    def test_beyond_tolerance_is_a_no_and_the_report_still_comes(self):
        path = self.folder / "out.json"
        done = run(self.command(self.good, "--tolerance", "1e-9", "--json", path))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("o is off by", done.stderr)
        self.assertIn("wrong", done.stdout)
        self.assertFalse(json.loads(path.read_text())["right"])

    def test_bad_plans(self):
        self.refuse(["hsap-validate", "run", self.folder / "none.json"], "no such file")
        self.refuse(self.command(json.dumps(self.good)[:500]), "not valid JSON", "line 1")
        huge = self.good | {"strategy": self.good["strategy"] | {"context_parallel": 2**60}}
        self.refuse(self.command(huge), "/strategy/context_parallel", str(2**60))
        batches = self.good["problem"] | {"batches": [[2**60]]}
        self.refuse(self.command(self.good | {"problem": batches}), "/problem/batches")

    def test_backward_that_takes_what_forward_does_not_leave(self):
        # Without room for a whole batch on one GPU, its tokens are split.
        plan = json.loads(self.answer([*TUNE, "-o", "-", "--embed-schedules", "--quiet",
                                       "--set", "device.memory_bytes=1.165e9"]))
        schedule = plan["schedules"][1]["schedule"]
        self.assertEqual(schedule["pass"], "backward")
        keys = next(row for row in schedule["buffers"] if row[:3] == [0, "k", "input"])
        first, count = keys[6:]
        rows = schedule["intervals"][first:first + count]
        token = next(t for t in range(schedule["tokens"])
                     if not any(b <= t < e and (t - b) % s == 0 for b, e, s in rows))
        keys[6:] = [len(schedule["intervals"]), count + 1]
        schedule["intervals"] += [*rows, [token, token + 1, 1]]
        path = self.file("plan.json", plan)
        self.refuse(["hsap-validate", "run", path, "--tokens", "1024"],
                    "the backward schedule is wrong: not_saved: input k of rank 0", code=1)
        done = run(["hsap-plan", "check", path])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("not_saved: input k of rank 0", done.stderr)

    def test_a_plan_for_other_heads(self):
        model = self.good["problem"]["model"]
        other = self.good["problem"] | {"model": model | {"heads": 31, "kv_heads": 31}}
        plan = self.good | {"problem": other}
        done = run(["hsap-validate", "run", self.file("plan.json", plan), "--tokens", "1K"])
        self.assertIn(done.returncode, (1, 2), done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("hsap-validate: error: "), 1)

    def test_without_a_gpu_executors_say_what_is_missing(self):
        for flags in (["local"], ["nccl", "--ranks", "2"]):
            done = run(self.command(self.good, "--executor", *flags))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, "no CUDA device|this hsap was built without")
            self.assertEqual(done.stdout, "")

    def test_measured_cases(self):
        shipped = ROOT / "validate" / "cases" / "kernels-hgx-h200.json"
        good = json.loads(shipped.read_text())
        command = lambda content, *more: ["hsap-validate", "cases",
                                          self.file("cases.json", content), *more]
        self.refuse(command("[]"), "cases.json", "wrong type")
        self.refuse(command(good | {"cases": []}), "/cases", "no cases")
        self.refuse(command(good | {"cluster": "dgx-h1000"}), "dgx-h1000")
        self.refuse(command(good | {"setup": "an H200"}), "/setup", "no texts by name", "an H200")
        self.refuse(command(good | {"setup": {"device": 200}}), "/setup", "found an object")
        broken = [good["cases"][0] | {"measured_s": "fast"}]
        self.refuse(command(good | {"cases": broken}), "/cases/0/measured_s", "wrong type")
        self.refuse(command(good, "--max-mape", "0"), "--max-mape")
        fine = run(command(good, "--max-mape", "50"))
        self.assertEqual(fine.returncode, 0, fine.stderr)
        poor = run(command(good, "--max-mape", "0.01"))
        self.assertEqual(poor.returncode, 1)
        self.assertIn("mean error", poor.stderr)

    def test_flags_that_the_executor_does_not_use(self):
        on_gpu = {"--cluster": "dgx-h100", "--timeline": "t.json",
                  "--keep": "k.json", "--times-only": None, "--repeats": "3",
                  "--graph": None, "--max-sms": "4"}
        over_nccl = {"--ranks": "2", "--rendezvous": "tcp://localhost:1", "--max-ctas": "1"}
        on_one = {"--serialise": None, "--urgent-communication": None}
        unused = {"host": on_gpu | on_one | over_nccl, "mpi": on_gpu | on_one | over_nccl,
                  "local": over_nccl, "nccl": on_one}
        for executor, flags in unused.items():
            for flag, value in flags.items():
                given = [flag] if value is None else [flag, value]
                with self.subTest(executor=executor, flag=flag):
                    self.refuse(self.command(self.good, "--executor", executor, *given),
                                f"{flag}: this executor does not use it",
                                f"'--executor {executor}'", "expected '--executor ")

    def test_flags_that_mean_nothing_together(self):
        for executor in ("local", "nccl"):
            self.refuse(self.command(self.good, "--executor", executor, "--arithmetic", "fp64"),
                        "--arithmetic: GPUs sum in fp32", "'fp64'")
        for flags in (["--gradients", "3"], ["--tolerance", "0.1"]):
            self.refuse(self.command(self.good, "--executor", "local", "--times-only", *flags),
                        "--times-only", flags[0])
        self.refuse(self.command(self.good, "--executor", "local", "--keep", "kept.json"),
                    "--keep: no prediction knows streams that share a GPU", "--serialise")
        self.refuse(self.command(self.good, "--executor", "local", "--serialise",
                                 "--urgent-communication"), "--urgent-communication", "--serialise")

    def test_flags(self):
        self.refuse(self.command(self.good, "--batch", "7"), "--batch", "no such batch", "7")
        self.refuse(self.command(self.good, "--tolerance", "0"), "--tolerance", "'0'")
        self.refuse(self.command(self.good, "--executor", "abacus"), "'abacus'", "'host'")
        self.refuse(self.command(self.good, "--dtype", "fp8"), "'fp8'")
        kept = self.file("out.json", "precious")
        self.refuse(self.command(self.good, "--json", kept), kept, "file exists")


if __name__ == "__main__":
    unittest.main()
