"""One step of attention over a packed batch, spread over the processes of torchrun.

    export HSAP_LIBRARY=build/src/c_api/libhsap.so PYTHONPATH=python
    torchrun --nproc-per-node 4 python/examples/packed_attention.py

On a machine with GPUs it runs on them (NCCL), otherwise on the CPU (gloo).
"""

import os
import time

import torch
import torch.distributed as dist

import hsap
import hsap.torch

gpus = torch.cuda.is_available()
dist.init_process_group("nccl" if gpus else "gloo")
device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if gpus else torch.device("cpu")
if gpus:
    torch.cuda.set_device(device)  # communicators are made on the current one

# Once: a plan and the communicators. hsap.load_plan("plan.json") takes what hsap-tune decided.
groups = hsap.torch.groups()
plan = hsap.make_plan(heads=8, kv_heads=2, head_dim=64, context_parallel=len(groups.ranks),
                      layout="balanced", exchange="p2p")

# Every step: the documents of the batch decide who holds what and who talks to whom.
documents = [700, 30, 250, 44]
cu_seqlens = [sum(documents[:i]) for i in range(len(documents) + 1)]
begin = time.perf_counter()
program = hsap.compile(cu_seqlens, plan, groups.rank)
compiled_s = time.perf_counter() - begin

# program.tokens are the rows of this rank, program.positions what its rotary embedding needs.
rows = len(program.tokens)
q, k, v = (torch.randn(rows, heads, 64, dtype=torch.bfloat16, device=device, requires_grad=True)
           for heads in (8, 2, 2))
o = hsap.torch.attention(q, k, v, program, groups)
o.float().square().sum().backward()
print(f"rank {groups.rank}: {rows} tokens, compiled in {1e3 * compiled_s:.2f} ms, "
      f"|dk| = {k.grad.float().norm():.3f}")
