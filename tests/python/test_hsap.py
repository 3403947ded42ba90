"""The Python package without torch: plans, programs, errors."""

import concurrent.futures
import copy
import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import unittest

import hsap

SHAPE = {"heads": 8, "kv_heads": 2, "head_dim": 64}
DOCUMENTS = [0, 100, 101, 900, 1600]


def plan(**strategy):
    return hsap.make_plan(**SHAPE, **{"ulysses": 2, "context_parallel": 4, "exchange": "p2p",
                                      "layout": "balanced"} | strategy)


class Plans(unittest.TestCase):
    def test_says_what_it_holds(self):
        made = plan(mask="sliding:64", dtype="fp32")
        self.assertEqual((made.heads, made.kv_heads, made.head_dim, made.ranks), (8, 2, 64, 8))
        self.assertEqual((made.mask, made.dtype), ("sliding:64", "fp32"))
        self.assertEqual(made.strategy["layout"], "balanced")
        self.assertEqual(pickle.loads(pickle.dumps(made)).strategy, made.strategy)

    def test_a_file_of_hsap_tune(self):
        with tempfile.TemporaryDirectory(prefix="hsap-python-") as folder:
            path = pathlib.Path(folder) / "plan.json"
            subprocess.run([os.environ["HSAP_TUNE"], "--cluster", "dgx-h100", "--model",
                            "llama3-8b", "--documents", "4K,12K", "--quiet", "-o", path],
                           check=True, timeout=60)
            loaded, text = hsap.load_plan(path), json.loads(path.read_text())
            self.assertEqual(loaded.strategy, text["strategy"])
            self.assertEqual((loaded.heads, loaded.kv_heads, loaded.head_dim), (32, 8, 128))
            with self.assertRaisesRegex(hsap.BadInput, "plan.json: no layer has a window"):
                hsap.load_plan(path, window=True)
            text["problem"]["model"] |= {"window": 64, "window_layers": 24}
            path.write_text(json.dumps(text))
            window = hsap.load_plan(path, window=True)
            self.assertEqual((hsap.load_plan(path).mask, window.mask), ("causal", "sliding:64"))
            self.assertEqual(pickle.loads(pickle.dumps(window)).mask, window.mask)
            for rank in range(window.ranks):  # its tokens are those of the other layers
                homes = [hsap.compile([0, 4096, 16384], p, rank).tokens for p in (loaded, window)]
                self.assertEqual(*homes)
            path.write_text(path.read_text()[:300])
            with self.assertRaisesRegex(hsap.BadInput, "plan.json: line"):
                hsap.load_plan(path)

    def test_errors_say_what_and_where(self):
        with self.assertRaisesRegex(hsap.BadInput, "/strategy/exchange: unknown exchange"):
            plan(exchange="rings")
        with self.assertRaisesRegex(hsap.BadInput, "strategy/exchanges"):
            plan(exchanges="ring")
        with self.assertRaisesRegex(hsap.BadInput, "head_dim"):
            hsap.make_plan(heads=8, head_dim=2 ** 60)
        with self.assertRaisesRegex(hsap.BadInput, "no such file"):
            hsap.load_plan("/nowhere/plan.json")
        with self.assertRaisesRegex(hsap.BadInput, "is no path"):
            hsap.load_plan("/nowhere/plan.json\0.txt")


class Programs(unittest.TestCase):
    def test_every_token_is_on_one_rank(self):
        programs = [hsap.compile(DOCUMENTS, plan(), rank) for rank in range(8)]
        tokens = sorted(t for program in programs for t in program.tokens)
        self.assertEqual(tokens, list(range(1600)))

    def test_positions_count_from_the_start_of_the_document(self):
        program = hsap.compile(DOCUMENTS, plan(), 3)
        starts = {t: max(b for b in DOCUMENTS if b <= t) for t in program.tokens}
        self.assertEqual(program.positions, [t - starts[t] for t in program.tokens])

    def test_both_passes_are_proved(self):
        hsap.compile(DOCUMENTS, plan(), 0).verify()

    def test_collectives_know_who_meets(self):
        gathering = plan(exchange="all_gather")
        program = hsap.compile(DOCUMENTS, gathering, 5)
        meetings = program.forward.meetings(5)
        self.assertTrue(meetings)
        for mine, all_of_them in meetings.items():
            operation = program.forward.operation(mine)
            self.assertEqual(len(all_of_them), len(operation.payload))
            self.assertEqual(all_of_them[operation.payload.index(5)], mine)
            self.assertEqual({program.forward.operation(i).kind for i in all_of_them},
                             {"all_gather"})

    def test_errors(self):
        for wrong, said in (([0, 6, 5], "descend; found 5 after 6 at position 2"),
                            ([0, -1], "descend; found -1 after 0"),
                            ([0, 2 ** 40], f"are too large; found {2 ** 40} at position 1"),
                            ([5, 10], "do not start with 0; found 5"),
                            ([0], "hold no document; found 1 numbers")):
            with self.assertRaisesRegex(hsap.BadInput, f"cu_seqlens {said}"):
                hsap.compile(wrong, plan(), 0)
        for wrong in ([], [0], [1, 5], [0, 2 ** 40], [0, -1], [0, 0], [0, 2 ** 64 + 5], [0, 100.5],
                      ["0", "100"], [[0, 100]], None):
            with self.assertRaises(hsap.BadInput):
                hsap.compile(wrong, plan(), 0)
        with self.assertRaisesRegex(hsap.Infeasible, "do not cover"):
            hsap.compile(DOCUMENTS, plan(ulysses=16), 0)
        with self.assertRaises(IndexError):
            hsap.compile(DOCUMENTS, plan(), 8)

    def test_what_a_schedule_lacks_is_an_index_error(self):
        schedule = hsap.compile(DOCUMENTS, plan(), 0).forward
        last = max(operation.index for rank in range(8) for operation in schedule.program(rank))
        self.assertEqual(schedule.operation(last).index, last)
        for ask, beyond in ((schedule.home, 8), (schedule.program, 8), (schedule.meetings, 8),
                            (schedule.operation, last + 1), (schedule.buffer, 1 << 20)):
            for wrong in (-1, beyond):
                with self.assertRaisesRegex(IndexError, f"{wrong} of "):
                    ask(wrong)

    def test_ends_that_repeat_change_nothing(self):
        program = hsap.compile(DOCUMENTS, plan(), 3)
        padded = [0, *DOCUMENTS, DOCUMENTS[-1], DOCUMENTS[-1]]
        other = hsap.compile(padded, plan(), 3)
        self.assertEqual(other.positions, program.positions)
        self.assertEqual(other.forward.program(3), program.forward.program(3))

    def test_a_program_may_be_copied_and_sent(self):
        program = hsap.compile(DOCUMENTS, plan(), 3)
        for other in (copy.copy(program), copy.deepcopy(program),
                      pickle.loads(pickle.dumps(program))):
            self.assertEqual(other.tokens, program.tokens)
            self.assertEqual(other.forward.program(3), program.forward.program(3))
        with self.assertRaisesRegex(TypeError, "its program can"):
            copy.copy(program.forward)

    def test_threads_may_share_a_plan(self):
        shared = plan()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: hsap.compile(DOCUMENTS, shared, 2).forward.program(2),
                                 range(40)))
        self.assertTrue(all(program == made[0] for program in made))


class Loaders(unittest.TestCase):
    def test_pairs_are_those_of_the_mask(self):
        self.assertEqual(hsap.pairs([0, 3, 7], plan()), 6 + 10)
        self.assertEqual(hsap.pairs([0, 3, 7, 7], plan(mask="sliding:1")), 7)
        with self.assertRaisesRegex(hsap.BadInput, "descend"):
            hsap.pairs([0, 3, 2], plan())

    def test_replicas_have_about_as_much(self):
        work = [hsap.pairs([0, 1000 + 37 * i % 997, 2000], plan()) for i in range(48)]
        steps = hsap.deal(work, replicas=4, accumulation=4)
        self.assertEqual([len(step) for step in steps], [4, 4, 4])
        self.assertEqual(sorted(i for step in steps for row in step for i in row), list(range(48)))
        for step in steps:
            sums = [sum(work[row[replica]] for row in step) for replica in range(4)]
            self.assertLess(max(sums), 1.02 * min(sums))
        self.assertEqual(hsap.deal([8, 1, 7, 2], 4, together=2), [[[1, 3, 2, 0]]])

    def test_batches_that_fill_no_step(self):
        with self.assertRaisesRegex(hsap.BadInput, "found 3, expected a multiple of 2"):
            hsap.deal([1, 2, 3], 2)
        with self.assertRaisesRegex(hsap.BadInput, "no integers"):
            hsap.deal([1, 2], 2 ** 40)
        with self.assertRaisesRegex(hsap.BadInput, "bad work of batch 1"):
            hsap.deal([1, float("inf")], 2)


class Library(unittest.TestCase):
    def load(self, path):
        return subprocess.run([sys.executable, "-c", "import hsap"], capture_output=True, text=True,
                              env=os.environ | {"HSAP_LIBRARY": str(path)}, timeout=60)

    def test_something_else_in_its_place(self):
        for wrong in ("/nowhere/libhsap.so", __file__):
            done = self.load(wrong)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"ImportError: {wrong} is not libhsap", done.stderr)


if __name__ == "__main__":
    unittest.main()
