"""hsap-tune and hsap-plan: bad questions, bad plans, and an answer of no."""

import json
import re
import unittest

from harness import ATTENTION, ProgramTest, changed, run, without

TUNE = ["hsap-tune", "--cluster", "dgx-h100", *ATTENTION, "--documents", "8K,4K,4K"]
COMMANDS = (["show"], ["check"], ["export", "--to", "megatron"])


class Tune(ProgramTest):
    def setUp(self):
        super().setUp()
        self.plan = self.folder / "plan.json"
        self.command = [*TUNE, "-o", self.plan]

    def test_bad_questions_write_no_plan(self):
        self.refuse(changed(self.command, "--documents", "4K,-1"), "--documents", "'-1'")
        self.refuse(changed(self.command, "--cluster", "dgx-h10"), "'dgx-h100'")
        self.refuse(changed(self.command, "--nodes", "0"), "--nodes", "'0'")
        self.refuse(without(self.command, "--documents"), "--trace")
        self.refuse([*self.command, "--contxt", "8K"], "'--contxt'", "'--context'")
        self.refuse([*self.command, "--context", "4K"], "8192", "4096")
        self.refuse([*self.command, "--to", "nemo"], "--to: unknown target", "'nemo'", "'megatron'")
        self.refuse([*self.command, "--tensor-parallel", "3"], "--tensor-parallel: ", "found 3",
                    "a divisor of 8 GPUs")

    def test_ways_to_train_are_lists(self):
        command = [*without(without(self.command, "--heads"), "--kv-heads"), "--model", "llama3-8b"]
        self.refuse([*command, "--zero", "1,4"], "--zero: ", "'4'")
        self.refuse([*command, "--checkpointing", "none,some"], "--checkpointing: ", "'some'")
        self.refuse([*command, "--tensor-parallel", "1,3"], "--tensor-parallel: ", "found 3")
        self.refuse([*command, "--weight-gradients", "fp16"], "--weight-gradients: ", "'fp16'")
        self.refuse([*self.command, "--zero", "all"], "--zero requires --model")
        self.refuse([*changed(command, "--cluster", "dgx-a100"), "--matmul", "fp8"], "--matmul: ",
                    "A100", "found fp8")
        self.refuse([*command, "--offload", "activations"], "--offload: ", "full checkpointing")
        self.refuse([*changed(command, "--cluster", "h800"), "--offload", "activations",
                     "--checkpointing", "full"], "--offload: ", "host's memory in h800")
        model = ["hsap-tune", "--cluster", "dgx-h100", "--documents", "8K,4K,4K", "--model",
                 "llama3-8b", "--zero", "1,3", "--tensor-parallel", "4,8", "-o", self.plan, "--force"]
        table = self.answer(model)
        plan = json.loads(self.plan.read_text())
        self.assertEqual(table.count("selective checkpointing"), 4 + self.compared(plan))
        fastest = table.splitlines()[1]
        self.assertIn(f"ZeRO {plan['training']['zero']}, selective checkpointing", fastest)
        self.assertIn(f" {plan['predicted']['step']['tokens_per_s']:.0f} ", fastest)
        self.assertIn(f"tensor parallel {plan['mesh']['tensor_parallel']}", fastest)
        # Nothing fits: every way is told.
        done = run([*model, "--set", "device.memory_bytes=1e9"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr.count("needs at least"), 4)

    def compared(self, plan):
        """Sentences of a plan that compare other ways to train."""
        return sum(sentence.startswith("with ZeRO") for sentence in plan["why"])

    def test_existing_plan_needs_force(self):
        self.plan.write_text("precious")
        self.refuse(self.command, self.plan, "file exists", "--force")

    def test_what_the_flags_allow_can_be_read_again(self):
        sampled = changed(without(self.command, "--documents"), "--cluster", "single-gpu")
        for more in (["--seed", str(2**63 - 1)], ["--batches", "4100", "--pass", "forward"]):
            self.answer([*sampled, "--trace", "wlb-llm", "--context", "16", *more, "--force"])
            self.answer(["hsap-plan", "show", self.plan])

    def test_no_room_for_anything_is_a_no(self):
        done = run([*self.command, "--set", "device.memory_bytes=1e6"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("hsap-tune: error: no strategy is feasible", done.stderr)
        self.assertFalse(self.plan.exists())

    def test_what_does_not_fit_is_told_what_takes_less_until_it_fits(self):
        command = ["hsap-tune", "--cluster", "dgx-h100", "--model", "qwen3-8b", "--documents", "1M",
                   "--quiet", "-o", self.plan]
        flags = {}
        done = run(command)
        while done.returncode == 1 and len(flags) < 5:
            self.assertIn("the least, U8 C1 with ", done.stderr)
            flags |= dict(hint.split(" ") for hint in re.search("less with (.*)", done.stderr)[1].split(", "))
            done = run([*command, *(word for flag in flags.items() for word in flag)])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(flags), {"--checkpointing", "--loss-chunks", "--offload", "--zero"})

    def test_experts_that_fit_nowhere_may_be_shared_out(self):
        hint = "--expert-parallel all"
        command = ["hsap-tune", "--cluster", "dgx-h100", "--model", "qwen3-30b-a3b", "--documents", "8K",
                   "--checkpointing", "full"]
        done = run(command)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(hint, done.stderr)
        done = run([*command, "--expert-parallel", "2"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn(hint, done.stderr)

    def test_a_plan_for_a_trainer_is_one_that_it_can_be_told(self):
        # Without room for a whole batch on one GPU, so that there is something to tell.
        command = [*self.command, "--set", "device.memory_bytes=1.5e9", "--force"]
        self.assertNotIn("the trainer's options", self.answer(command))
        self.assertIn("exchange p2p", self.lost("megatron"))
        for trainer in ("megatron", "torchtitan"):
            self.assertIn("beyond the trainer's options", self.answer([*command, "--to", trainer]))
            strategy = json.loads(self.plan.read_text())["strategy"]
            self.assertGreater(strategy["ulysses"] * strategy["context_parallel"], 1)
            self.assertEqual(self.lost(trainer), [])

    def lost(self, trainer):
        """The choices of the plan's strategy that its export does not express."""
        exported = run(["hsap-plan", "export", self.plan, "--to", trainer]).stdout
        self.assertIn("# strategy: ", exported)
        choices = ("ulysses", "context_parallel", "exchange", "layout", "order", "stages", "moves",
                   "gradient_dtype")
        notes = [line.removeprefix("# not expressed: ") for line in exported.splitlines()]
        return [note.split(":")[0] for note in notes if note.startswith(choices)]

    def test_same_plan_on_any_number_of_threads(self):
        self.answer([*self.command, "--threads", "1"])
        first = self.plan.read_bytes()
        self.answer([*self.command, "--threads", "2", "--force"])
        self.assertEqual(self.plan.read_bytes(), first)


class Plans(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.good = json.loads(run([*TUNE, "-o", "-"]).stdout)

    def refuse_plan(self, content, *needles):
        path = self.file("plan.json", content)
        for words in COMMANDS:
            self.refuse(["hsap-plan", words[0], path, *words[1:]], path, *needles)

    def test_a_plan_is_fine(self):
        path = self.file("plan.json", self.good)
        self.answer(["hsap-plan", "show", path])
        self.answer(["hsap-plan", "check", path])

    def test_what_one_rank_does(self):
        path = self.file("plan.json", self.good)
        layout = self.folder / "layout.json"
        show = ["hsap-plan", "show", path]
        # A mistake is told before anything is written.
        self.refuse([*show, "--schedule", "99", "--json", layout], "--schedule", "no such rank",
                    "99")
        for silent in (["--quiet"], ["--json", "-"], ["--quiet", "--json", layout]):
            self.refuse([*show, "--schedule", "0", *silent], "--schedule", "--quiet", "--json -")
        said = self.answer([*show, "--schedule", "0", "--json", layout])
        self.assertIn("forward of batch 0", said)
        self.assertEqual(json.loads(layout.read_text())["schema"], "hsap.layout/1")

    def test_missing_broken_and_hostile_plans(self):
        for words in COMMANDS:
            path = self.folder / "none.json"
            self.refuse(["hsap-plan", words[0], path, *words[1:]], path, "no such file")
        self.refuse_plan(json.dumps(self.good)[:200], "not valid JSON", "line 1")
        self.refuse_plan(bytes(range(256)), "not valid JSON")
        self.refuse_plan("[" * 100000)

    def test_wrong_schema_key_and_type(self):
        self.refuse_plan(self.good | {"schema": "hsap.plan/9"}, "/schema", "hsap.plan/9")
        self.refuse_plan(self.good | {"extra": 1}, "/extra", "unknown key")
        self.refuse_plan(self.good | {"strategy": []}, "/strategy", "wrong type")
        self.refuse_plan(self.good | {"strategy": self.good["strategy"] | {"ulysses": -2}},
                         "/strategy/ulysses", "-2")
        self.refuse_plan(self.good | {"strategy": self.good["strategy"] | {"ulysses": 2**60}},
                         "/strategy/ulysses")

    def test_a_strategy_that_cannot_be_compiled_is_a_no(self):
        ring = {"ulysses": 1, "context_parallel": 8, "exchange": "ring", "stages": 99}
        mesh = {"ranks": 8, "tensor_parallel": 1, "replicas": 1, "context_groups": [[*range(8)]],
                "ulysses_groups": [[rank] for rank in range(8)]}
        path = self.file("plan.json", self.good | {"strategy": ring, "mesh": mesh})
        for command in (["show"], ["show", "--json", "-"], ["check"]):
            self.refuse(["hsap-plan", command[0], path, *command[1:]],
                        "a ring of 8 shards has 7 stages, not 99", code=1)

    def test_a_mask_of_too_many_slices(self):
        problem = self.good["problem"] | {"mask": "shared_question:1:65536", "context": 2**30,
                                          "batches": [[65537] * 16383]}
        self.refuse_plan(self.good | {"problem": problem}, "/problem/batches/0", "slices")

    def test_unknown_target(self):
        path = self.file("plan.json", self.good)
        self.refuse(["hsap-plan", "export", path, "--to", "megatrn"], "'megatrn'", "megatron")


if __name__ == "__main__":
    unittest.main()
