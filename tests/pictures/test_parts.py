#!/usr/bin/python3
"""What the pictures show, before it becomes pixels: masks, shares, spans.

Usage: test_parts.py SOURCE_ROOT
"""
import importlib.util
import pathlib
import random
import sys
import unittest

import inputs

ROOT = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".").resolve()
SKIPPED = 77
if importlib.util.find_spec("matplotlib") is None:
    print("skipped: Python module matplotlib is missing (Debian package python3-matplotlib)")
    sys.exit(SKIPPED)
sys.path.insert(0, str(ROOT / "python"))

import numpy as np  # noqa: E402
from hsap_pictures import calibration, mask, methods, proof, ranks, search, speed, step, style, times  # noqa: E402
from hsap_pictures.document import BadInput, Node  # noqa: E402


def attends(piece, q: int, k: int) -> bool:
    """A slice by its definition (include/hsap/mask.hpp)."""
    q0, q1, k0, k1, kind = piece
    if not (q0 <= q < q1 and k0 <= k < k1):
        return False
    offset, slack = (k - k0) - (q - q0), (k1 - k0) - (q1 - q0)
    below = offset <= slack or kind in ("full", "inverse_causal")
    return below and (offset >= 0 or kind in ("full", "causal"))


class Calibration(unittest.TestCase):
    def rows(self, groups):
        return [calibration.Row(node)
                for node in Node(inputs.calibration(groups), "x")["rows"].items()]

    def test_errors_are_relative_to_the_measurement(self):
        groups = calibration.grouped(self.rows(3))
        self.assertEqual(list(groups), [f"{kind} {i}" for kind in ("kernels", "links")
                                        for i in range(3)])
        self.assertAlmostEqual(groups["kernels 1"][0].error(), 0.1)
        self.assertAlmostEqual(calibration.mape(groups["links 2"]), 0.05)

    def test_too_many_groups_become_one(self):
        groups = calibration.grouped(self.rows(40))
        self.assertEqual(len(groups), calibration.MOST_GROUPS + 1)
        self.assertEqual(sum(map(len, groups.values())), 2 * 40 * 5)
        self.assertIn("other rows", groups)


class Mask(unittest.TestCase):
    def layout(self, slices, shards):
        return mask.Layout(Node({"schema": "hsap.layout/1", "tokens": 24, "documents": [24],
                                 "mask": "test", "slices": slices, "shards": shards}, "x"))

    def test_one_pixel_a_token_is_the_mask_itself(self):
        for kind in mask.KINDS:
            piece = [2, 12, 3, 17, kind]
            layout = self.layout([piece, [12, 20, 0, 1, "full"]], [[[0, 24, 1]]])
            expected = [[attends(piece, q, k) or (12 <= q < 20 and k == 0) for k in range(24)]
                        for q in range(24)]
            np.testing.assert_allclose(mask.coverage(layout, 24), np.array(expected, float))

    def test_a_pixel_of_many_tokens_shows_their_share(self):
        layout = self.layout([[0, 24, 0, 9, "full"]], [[[0, 24, 1]]])
        np.testing.assert_allclose(mask.coverage(layout, 4)[2], [1, 0.5, 0, 0])

    def test_work_of_the_shards_sums_up_and_contiguous_causal_is_uneven(self):
        layout = self.layout([[0, 24, 0, 24, "causal"]], inputs.shards(24, 2, "contiguous"))
        # Rows see 1 .. 12 and 13 .. 24 keys: 78 and 222, mean 150.
        np.testing.assert_allclose(mask.shard_work(layout), [78 / 150, 222 / 150])
        zigzag = self.layout([[0, 24, 0, 24, "causal"]], inputs.shards(24, 2, "zigzag"))
        np.testing.assert_allclose(mask.shard_work(zigzag), [1, 1])

    def test_rows_belong_to_the_shard_that_holds_their_tokens(self):
        full = [[0, 24, 0, 24, "full"]]
        layout = self.layout(full, inputs.shards(24, 3, "contiguous"))
        self.assertEqual(list(mask.owners(layout, 6)), [0, 0, 1, 1, 2, 2])
        striped = self.layout(full, inputs.shards(24, 4, "striped"))
        self.assertEqual(list(mask.owners(striped, 24))[:6], [0, 1, 2, 3, 0, 1])
        self.assertEqual(set(mask.owners(striped, 6)), {0, 1, 2, 3})
        nobody = self.layout(full, [[[0, 12, 1]]])
        self.assertEqual(list(mask.owners(nobody, 2)), [0, -1])


class Spans(unittest.TestCase):
    def test_union_and_difference_agree_with_sets(self):
        draw = random.Random(3)
        for _ in range(300):
            def spans():
                starts = [draw.randrange(40) for _ in range(draw.randrange(6))]
                return [(start, start + draw.randrange(8)) for start in starts]
            first, second = spans(), spans()

            def moments(spans):
                return {m for begin, end in spans for m in range(int(begin), int(end))}
            joined = ranks.union(first)
            self.assertEqual(moments(joined), moments(first))
            self.assertTrue(all(a[1] < b[0] for a, b in zip(joined, joined[1:])))
            left = ranks.minus(joined, ranks.union(second))
            self.assertEqual(moments(left), moments(first) - moments(second))

    def test_exposed_communication_is_what_no_kernel_hides(self):
        found = ranks.read_ranks(Node(inputs.timeline(2, 2, steps=1), "x"))
        # Rank 0: 100 us of compute over 80 of communication. Rank 1: 103 under 140.
        self.assertAlmostEqual(ranks.length(found[0].compute), 100e-6)
        self.assertAlmostEqual(ranks.length(found[0].exposed), 0)
        self.assertAlmostEqual(ranks.length(found[1].exposed), 37e-6)


class Search(unittest.TestCase):
    def candidate(self, rate, reason=None, feasible=True):
        return search.Candidate(Node({
            "strategy": inputs.strategy(2, 4, "ring"), "feasible": feasible, "seconds": 1.0,
            "tokens_per_s": rate, "reason": reason}, "x"))

    def test_a_known_figure_beats_a_limit_and_a_limit_beats_nothing(self):
        known, limit = self.candidate(5), self.candidate(9, "beaten by a bound")
        illegal = self.candidate(0, "heads", feasible=False)
        for order in ((known, limit, illegal), (illegal, limit, known)):
            self.assertIs(search.best_of_cells(list(order))["ring", 2, 4], known)
        self.assertIs(search.best_of_cells([illegal, limit])["ring", 2, 4], limit)


    def test_an_exchange_without_anything_feasible_is_named_not_drawn(self):
        known = self.candidate(5)
        illegal = self.candidate(0, "not available yet", feasible=False)
        illegal.exchange = "p2p"
        self.assertEqual(search.panels([illegal, known]), ["ring"])
        self.assertEqual(search.left_out([illegal, known]), "no panel for p2p: not available yet")


class Proof(unittest.TestCase):
    def test_a_missing_number_is_beyond_any_tolerance(self):
        node = inputs.validation()["tensors"][0]
        wrong = proof.Error(Node(node | {"relative_error": None}, "x"))
        right = proof.Error(Node(node, "x"))
        self.assertTrue(right.within(3e-3))
        self.assertFalse(right.within(2e-3))
        self.assertFalse(wrong.within(1e300))
        self.assertGreater(wrong.height(0.5), 0.5)
        self.assertEqual(proof.Error(Node(node | {"relative_error": 0.0}, "x")).height(1e-2),
                         proof.LEAST)

    def test_links_without_bytes_are_left_out(self):
        names = [each.name for each in proof.read_traffic(Node(inputs.validation(), "x"))]
        self.assertEqual(names, ["forward\ninside nodes", "forward\nbetween nodes",
                                 "backward\ninside nodes", "backward\nbetween nodes"])


class Times(unittest.TestCase):
    def test_errors_are_of_operations_that_took_any_time(self):
        passes = times.read_passes(Node(inputs.timed_validation(), "x"))
        self.assertEqual([each.name for each in passes], ["forward", "backward"])
        attend, exchange = passes[0].kinds
        for kind, expected in ((attend, 0.1), (exchange, -0.2)):
            error, spread = kind.errors()
            np.testing.assert_allclose(error, [expected] * 6)
            np.testing.assert_allclose(spread, [0.01] * 6)
        self.assertEqual(passes[0].headline(),
                         "forward: predicted 1.1 ms, measured 1 ms (+10.0%)")

    def test_what_was_not_measured_is_refused(self):
        for document in (inputs.validation(), inputs.timed_validation(measured=False)):
            with self.assertRaisesRegex(BadInput, "no operation was measured"):
                times.read_passes(Node(document, "x"))

    def test_columns_of_different_lengths_are_refused(self):
        document = inputs.timed_validation()
        document["passes"][1]["times"]["kinds"][0]["operations"]["measured_s"].pop()
        with self.assertRaisesRegex(BadInput, "/passes/1/times/kinds/0/operations: columns"):
            times.read_passes(Node(document, "x"))


class Step(unittest.TestCase):
    def test_a_plan_compares_the_time_of_the_whole_cluster(self):
        bars = step.read_plan(Node(inputs.plan(), "x"))
        self.assertAlmostEqual(bars[0].total, 4.1)
        self.assertAlmostEqual(bars[0].bound, 32 * 0.055)
        self.assertAlmostEqual(bars[1].total, 4.1 * 1.15)  # twice the time, two replicas
        names = step.part_names(bars)
        self.assertEqual(names[0], "attention_compute")
        self.assertEqual(names[-1], step.WHOLE)
        self.assertNotIn("tensor_parallel", names)  # takes no time

    def test_attention_of_a_pipeline_is_that_of_a_stage(self):
        plan = inputs.plan()
        plan["mesh"]["pipeline_parallel"] = 4
        bars = step.read_plan(Node(plan, "x"))
        self.assertAlmostEqual(bars[0].bound, 32 * 0.055 / 4)

    def test_a_sweep_compares_the_time_of_the_whole_cluster(self):
        bars = step.read_sweep(Node(inputs.sweep(), "x"))
        self.assertAlmostEqual(bars[0].total, 4.1)  # without replicas, as old files are
        self.assertAlmostEqual(bars[1].total, 4.1 / 4)
        self.assertAlmostEqual(bars[1].parts["linear"], 1.3 / 4)

    def test_a_step_of_several_batches_of_each_replica_is_divided_by_them(self):
        plan = inputs.plan()
        plan["training"]["global_batch"] = 4
        bars = step.read_plan(Node(plan, "x"))
        self.assertAlmostEqual(bars[0].total, 4.1 / 4)
        self.assertAlmostEqual(bars[0].bound, 32 * 0.055)
        self.assertAlmostEqual(bars[1].total, 2 * 4.1 * 1.15 / 4)

    def test_replicas_that_wait_are_a_part_of_a_sweep(self):
        sweep = inputs.sweep()
        waiting = sweep["predictions"][1]
        waiting["step"] = {"seconds": 5.0, "breakdown": {"linear": 4.1, "waiting_for_replicas": 0.9}}
        bars = step.read_sweep(Node(sweep, "x"))
        self.assertAlmostEqual(bars[1].parts["waiting_for_replicas"], 0.9 / 4)
        self.assertAlmostEqual(bars[1].total, 5.0 / 4)


class Speed(unittest.TestCase):
    def test_a_line_ends_where_a_run_went_beyond_its_limits(self):
        runs = [speed.Run(node) for node in Node(inputs.speed(), "x")["rows"].items()]
        found = speed.lines(runs, "ring pass")
        self.assertEqual({tool: [run.ranks for run in line] for tool, line in found.items()},
                         {"hsap": [64, 128], "SimGrid": [64, 128]})
        self.assertAlmostEqual(found["SimGrid"][1].seconds, 0.25 + 3 * 0.0128)
        self.assertEqual(speed.names(runs, "tool"), ["hsap", "SimGrid"])


class Methods(unittest.TestCase):
    def test_a_line_has_the_contexts_that_fit(self):
        scenes = [[methods.Point(point) for point in scene["points"].items()]
                  for scene in Node(inputs.methods(), "x")["scenes"].items()]
        self.assertEqual(methods.methods_of(scenes), ["Ulysses", "best plan"])
        self.assertEqual([[point.context for point in methods.line_of("Ulysses", points)]
                          for points in scenes], [[32768, 65536], [32768]])


class Style(unittest.TestCase):
    def test_numbers_read_well(self):
        self.assertEqual([style.tokens(n) for n in (262144, 1572864, 4097)],
                         ["256K", "1.5M", "4097"])
        self.assertEqual([style.compact(n) for n in (12345, 4.56e6, 7)], ["12.3k", "4.56M", "7"])
        self.assertEqual([style.seconds(s) for s in (9.9996e-4, 0.92727, 1.0061, 1234.5)],
                         ["1 ms", "927 ms", "1.01 s", "1234 s"])
        self.assertEqual([style.seconds_unit(s)[1] for s in (1e-4, 0.5, 3)], ["us", "ms", "s"])

    def test_a_strategy_that_splits_no_tokens_has_no_exchange(self):
        def name(degree):
            return style.strategy_name(Node({"ulysses": 4, "context_parallel": degree, "exchange": "ring",
                                             "layout": "zigzag"}, "p.json"))
        self.assertEqual(name(1), "U4 C1")
        self.assertEqual(name(2), "U4 C2\nring\nzigzag")

    def test_colours_differ(self):
        for count in (1, 8, 9, 64):
            self.assertEqual(len(set(style.colours(count))), count)


if __name__ == "__main__":
    unittest.main()
