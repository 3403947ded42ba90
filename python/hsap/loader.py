"""What a data loader asks: how much work a batch is, and who takes which."""

import ctypes
from typing import Sequence

from ._library import BadInput, call, integers
from .plan import Plan


def pairs(cu_seqlens: "Sequence[int]", plan: Plan) -> int:
    """Unmasked (query, key) pairs of a packed batch: the work by which batches of equally many
    tokens differ. Raises BadInput."""
    ends = integers(cu_seqlens)
    return call("hsap_pairs", plan._handle, (ctypes.c_int64 * len(ends))(*ends), len(ends))


def deal(work: "Sequence[float]", replicas: int, accumulation: int = 1,
         together: int = 1) -> "list[list[list[int]]]":
    """Deals the batches of some optimizer steps out by their work, so that what runs side by side
    ends together: deal(work, ...)[step][place][replica] is the index of a batch. A step takes
    batches that are alike, and so do all replicas in each of its `accumulation` places; of these
    the heaviest goes to the replica that has least so far. Steps come in the order of their work,
    shuffle them as you like; places too, with the least first. `together` neighbouring replicas
    share experts and take neighbours. Raises BadInput where the batches do not fill whole steps."""
    numbers = (replicas, accumulation, together)
    if not all(isinstance(each, int) and abs(each) < 2 ** 31 for each in numbers):
        raise BadInput(f"replicas, accumulation and together are no integers of 32 bits: {numbers}")
    count = len(work)
    order = (ctypes.c_uint32 * count)()
    call("hsap_deal", (ctypes.c_double * count)(*work), count, *numbers, order)
    rows = [order[at:at + replicas] for at in range(0, count, replicas)]
    return [rows[at:at + accumulation] for at in range(0, len(rows), accumulation)]
