"""Flags that are unknown, contradictory or out of range."""

import unittest

from harness import ATTENTION, SIM, TOPO, ProgramTest, changed, without


class Flags(ProgramTest):
    def test_the_plain_question_is_fine(self):
        self.answer(SIM)
        self.answer(TOPO)

    def test_unknown_flag_lists_near_misses(self):
        self.refuse([*SIM, "--ulises", "4"], "unknown flag", "'--ulises'", "'--ulysses'")
        self.refuse([*SIM, "--kvheads", "4"], "'--kv-heads'")
        self.refuse([*TOPO, "--node", "4"], "'--node'", "'--nodes'")
        self.refuse([*SIM, "stray"], "unexpected argument", "'stray'")

    def test_missing_value_and_missing_flag(self):
        self.refuse([*SIM, "--nodes"], "--nodes")
        self.refuse(without(SIM, "--cluster"), "--cluster")
        self.refuse(without(SIM, "--documents"), "--documents", "--trace")
        self.refuse(["hsap-sim", "--cluster", "dgx-h100", "--documents", "4K"], "--model",
                    "--heads")
        self.refuse(["hsap-topo"], "subcommand")

    def test_numbers_out_of_range(self):
        for value in ("-3", "0", "two", "1e3", "99999999999999999999", "", "3K3"):
            self.refuse(changed(SIM, "--nodes", value), "--nodes", f"'{value}'", "an integer from")
        self.refuse(changed(SIM, "--zero", "4"), "--zero", "'4'")
        self.refuse(changed(SIM, "--global-batch", "0"), "--global-batch", "'0'")
        self.refuse(changed(SIM, "--threads", "0"), "--threads", "'0'")
        self.refuse(changed(SIM, "--head-dim", "-128"), "--head-dim", "'-128'")

    def test_unknown_words(self):
        for flag, expected in {
            "--mask": "causal", "--pass": "backward", "--dtype": "bf16", "--order": "ulysses-inner",
            "--layout": "zigzag", "--exchange": "p2p", "--color": "never",
            "--checkpointing": "selective", "--gradient-dtype": "fp32",
            "--weight-gradients": "fp32", "--matmul": "fp8", "--offload": "activations",
        }.items():
            self.refuse([*SIM, flag, "nonsense"], flag, "'nonsense'", expected)
        self.refuse([*SIM, "--mask", "sliding:0"], "--mask", "'0'")
        self.refuse([*SIM, "--mask", "sliding:-1"], "--mask")
        self.refuse([*SIM, "--mask", "prefix:"], "--mask")
        self.refuse(["hsap-sim", "--cluster", "dgx-h100", "--documents", "4K", "--model", "gpt-oss-20b",
                     "--mask", "full"], "--mask",
                    "layers of gpt-oss-20b have a window; found full")

    def test_contradictions(self):
        self.refuse([*SIM, "--trace", "wlb-llm", "--context", "64K"], "--trace", "--documents")
        self.refuse([*SIM, "--model", "llama3-8b"], "--model", "--heads")
        self.refuse([*SIM, "--seed", "3"], "--seed", "--documents")
        self.refuse([*SIM, "--batches", "3"], "--batches", "--documents")
        self.refuse([*without(SIM, "--documents"), "--trace", "wlb-llm"], "--context")
        self.refuse([*SIM, "--nodes", "1", "--nodes", "2"], "--nodes")
        self.refuse([*SIM, "--exchange", "ring,p2p", "--timeline", self.folder / "t.json"],
                    "--timeline")


class Documents(ProgramTest):
    def refuse_documents(self, documents, *needles):
        self.refuse(changed(SIM, "--documents", documents), "--documents", *needles)

    def test_bad_lengths(self):
        self.refuse_documents("4K,-512", "'-512'")
        self.refuse_documents("0", "'0'")
        self.refuse_documents("4K,,4K", "''")
        self.refuse_documents("4K,four", "'four'")
        self.refuse_documents(str(2**60), f"'{2**60}'")
        self.refuse_documents("1G,1G")

    def test_context_smaller_than_a_document(self):
        self.refuse([*SIM, "--context", "8K"], "--documents", "16384", "8192")

    def test_context_smaller_than_the_batch(self):
        self.refuse([*SIM, "--context", "20K"], "--documents", "32768", "20480")

    def test_context_that_fits_is_fine(self):
        self.answer([*SIM, "--context", "32K"])


class Overrides(ProgramTest):
    def test_unknown_path_lists_near_misses(self):
        self.refuse([*SIM, "--set", "nic.bandwidth=1e9"], "'nic.bandwidth'",
                    "'nic.bandwidth_bytes_per_s'")
        self.refuse([*TOPO, "--set", "nik.latency_s=1"], "'nik.latency_s'", "'nic.latency_s'")
        self.refuse([*SIM, "--set", "runtime.host_lunch_s=1"], "host_launch_s")

    def test_bad_values(self):
        for value in ("nan", "inf", "-1", "fast", ""):
            self.refuse([*SIM, "--set", f"nic.bandwidth_bytes_per_s={value}"],
                        "nic", "bandwidth_bytes_per_s")
        self.refuse([*SIM, "--set", "nic.bandwidth_bytes_per_s"], "--set", "key=value")
        self.refuse([*SIM, "--set", "=3"], "--set", "key=value")

    def test_nothing_to_change(self):
        self.refuse([*SIM, "--set", "model.layers=3"], "--model")
        self.refuse([*TOPO, "--set", "model.layers=3"], "model.layers")
        self.refuse([*TOPO, "--set", "runtime.duplex=true"], "runtime.duplex")


class Strategies(ProgramTest):
    def test_degree_that_does_not_divide(self):
        self.refuse([*SIM, "--ulysses", "3"], "--ulysses", "'3'", "a divisor of 8 GPUs")
        self.refuse([*SIM, "--context-parallel", "16"], "--context-parallel", "'16'", "8 GPUs")
        self.refuse([*SIM, "--ulysses", "4", "--context-parallel", "4"], "4 x 4", "8 GPUs")
        self.refuse([*SIM, "--tensor-parallel", "3"], "--tensor-parallel", "3")
        self.refuse([*SIM, "--tensor-parallel", "2", "--ulysses", "8"], "--ulysses", "'8'",
                    "--tensor-parallel", "a divisor of 4, as 8 GPUs are ranks of 2")

    def test_degrees_are_of_a_pipeline_stage(self):
        staged = ["hsap-sim", "--cluster", "dgx-h100", "--nodes", "4", "--model", "llama3-8b", "--documents",
                  "16K", "--tensor-parallel", "8", "--pipeline-parallel", "2"]
        for degrees in ([], ["--context-parallel", "2"], ["--ulysses", "1"]):
            self.assertIn("U1 C2 ", self.answer([*staged, *degrees]))
        swept = self.answer([*staged, "--ulysses", "all"])
        self.assertIn("U2 C1 ", swept)
        self.assertIn("U1 C2 ", swept)
        self.refuse([*staged, "--ulysses", "4"], "--ulysses", "a divisor of 2, as 16 GPUs")

    def test_a_way_to_train_that_is_not_possible(self):
        model = ["hsap-sim", "--cluster", "dgx-h100", "--model", "qwen3-30b-a3b", "--documents", "8K"]
        self.refuse([*model, "--expert-parallel", "16"], "--expert-parallel", "16", "8 of a stage")
        self.refuse([*model, "--pipeline-parallel", "5"], "--pipeline-parallel", "5")
        self.refuse([*model, "--virtual-stages", "2"], "--virtual-stages", "found 2")
        for given in (["--zero", "3"], ["--checkpointing", "full"], ["--global-batch", "8"],
                      ["--lookahead", "2"], ["--loss", "plain"], ["--pipeline-parallel", "2"]):
            self.refuse([*SIM, *given], f"{given[0]} requires --model")
        self.answer([*SIM, "--tensor-parallel", "2"])
        self.refuse([*model, "--lookahead", "0"], "--lookahead", "'0'", "from 1 to 1048576")

    def test_heads_not_divisible(self):
        self.refuse(changed(SIM, "--kv-heads", "5"), "--kv-heads", "5", "heads a multiple of kv heads")
        few = changed(changed(SIM, "--heads", "4"), "--kv-heads", "4")
        self.refuse([*few, "--ulysses", "8"], "4", "8")

    def test_more_nodes_than_the_cluster_has(self):
        self.refuse(["hsap-sim", "--cluster", "single-gpu", "--nodes", "2", *ATTENTION,
                     "--documents", "4K"], "nodes", "2")

    def test_sweep_without_an_answer_says_no(self):
        few = changed(changed(SIM, "--heads", "4"), "--kv-heads", "4")
        self.refuse([*few, "--ulysses", "8", "--layout", "zigzag,striped"], "8", code=1)


if __name__ == "__main__":
    unittest.main()
