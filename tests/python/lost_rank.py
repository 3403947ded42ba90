"""One process of test_torch.py: rank 1 leaves before attention; the others must not wait for ever."""

import sys

import torch

import cluster
import hsap
import hsap.torch

cluster.join(sys.argv[1:])
groups = hsap.torch.groups()
plan = hsap.make_plan(heads=2, head_dim=8, dtype="fp32", context_parallel=len(groups.ranks),
                      exchange="ring", layout="zigzag")
program = hsap.compile([0, 64], plan, groups.rank)
if groups.rank == 1:
    sys.exit(0)
q, k, v = (torch.randn(len(program.tokens), 2, 8) for _ in range(3))
hsap.torch.attention(q, k, v, program, groups)
print("attention ended without rank 1")
