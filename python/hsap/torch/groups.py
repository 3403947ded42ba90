"""One process group for each communication stream, so that streams never wait for each other."""

from typing import NamedTuple, Sequence

import torch
import torch.distributed as dist

from ..program import STREAMS


class Groups(NamedTuple):
    """The ranks of one sequence-parallel group and their communicators."""
    rank: int  # of this process inside the group
    ranks: "tuple[int, ...]"  # global ranks, by rank of the group
    of_stream: "dict[str, dist.ProcessGroup]"


def groups(ranks: "Sequence[Sequence[int]] | None" = None) -> Groups:
    """The communicators of this process. `ranks` lists the global ranks of every
    sequence-parallel group of the job (all processes as one group when left out). A collective
    call: every process of the job makes it, with equal lists and its own GPU as the current one.
    Raises ValueError when the lists name no or more than one group for this process."""
    lists = [tuple(range(dist.get_world_size()))] if ranks is None else [tuple(r) for r in ranks]
    mine = [members for members in lists if dist.get_rank() in members]
    if len(mine) != 1:
        raise ValueError(f"process {dist.get_rank()} is in {len(mine)} groups of {lists}")
    of_stream = {}
    for members in lists:
        for stream in STREAMS[1:]:
            made = dist.new_group(list(members))
            if members is mine[0]:
                of_stream[stream] = made
    for stream in STREAMS[1:]:
        _connect(of_stream[stream])
    return Groups(mine[0].index(dist.get_rank()), mine[0], of_stream)


def _connect(group):
    """Makes the communicator of a group, with all of its ranks. NCCL's would else come about in its
    first batch of messages, in which PyTorch wants all ranks to take part: an exchange may leave
    some out, and the others would wait for them."""
    on_cpu = dist.get_backend(group) in ("gloo", "mpi") or not torch.cuda.is_available()
    dist.all_reduce(torch.zeros(1, device="cpu" if on_cpu else "cuda"), group=group)
