"""One process of test_torch.py that is a group by itself: what attention() refuses, and that a
user's own kernels are called."""

import sys

import torch

import cluster
import hsap
import hsap.torch

cluster.join(sys.argv[1:])
groups = hsap.torch.groups()
plan = hsap.make_plan(heads=4, kv_heads=2, head_dim=8, dtype="fp32", ulysses=1)
program = hsap.compile([0, 3, 10], plan, 0)
q, k, v = torch.randn(10, 4, 8), torch.randn(10, 2, 8), torch.randn(10, 2, 8)


def refused(text, *tensors, program=program):
    try:
        hsap.torch.attention(*tensors, program, groups)
    except ValueError as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"not refused: {text}")


refused("q has shape (9, 4, 8), expected (10, 4, 8)", q[:9], k, v)
refused("v has shape (10, 4, 8), expected (10, 2, 8)", q, k, q)
refused("k is torch.float64", q, k.double(), v)
refused("q is torch.bfloat16, the plan is for fp32", q.bfloat16(), k.bfloat16(), v.bfloat16())
pair = hsap.make_plan(heads=4, kv_heads=2, head_dim=8, dtype="fp32", context_parallel=2)
refused("for rank 1 of 2, this is rank 0 of 1", q, k, v, program=hsap.compile([0, 3, 10], pair, 1))
for wrong in ([[1, 2]], [[0], [0]]):
    try:
        hsap.torch.groups(wrong)
    except ValueError as error:
        assert "process 0 is in" in str(error), error
    else:
        raise AssertionError(f"groups {wrong} not refused")


# Sums stay float32 under autocast, in both passes.
ends = []
for enabled in (False, True):
    inputs = [t.clone().requires_grad_() for t in (q, k, v)]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
        o = hsap.torch.attention(*inputs, program, groups)
        o.backward(torch.ones_like(o))
    ends.append([o, *(t.grad for t in inputs)])
for plain, cast in zip(*ends):
    assert torch.equal(plain, cast), (plain - cast).abs().max()


class Counting(hsap.torch.Kernels):
    calls = 0

    def attend(self, *arguments):
        Counting.calls += 1
        return super().attend(*arguments)


# A document at a time: one slice each. Memory-bound scores give the same numbers.
whole = hsap.torch.attention(q, k, v, program, groups, Counting())
assert Counting.calls == 2, Counting.calls
hsap.torch.kernels.BLOCK_NUMBERS = 16
pieces = hsap.torch.attention(q, k, v, program, groups)
assert torch.allclose(whole, pieces, rtol=1e-6, atol=1e-6)
