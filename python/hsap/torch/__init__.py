"""Attention over a packed batch that is spread over the ranks of a torch.distributed group.

    groups = hsap.torch.groups()                       # once
    program = hsap.compile(cu_seqlens, plan, groups.rank)
    o = hsap.torch.attention(q, k, v, program, groups)  # autograd works

It interprets the operations of the compiled schedule and nothing else, so every exchange and layout
runs through the same lines. On the CPU (gloo) each communication stream is a thread; on GPUs (NCCL)
each stream of the schedule is a CUDA stream.
"""

from .attention import attention
from .groups import Groups, groups
from .kernels import Kernels

__all__ = ["Groups", "Kernels", "attention", "groups"]
