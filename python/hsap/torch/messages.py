"""Exchanges and collectives of a schedule as point-to-point calls of torch.distributed.

Collectives are lowered to messages as well: their shares may differ in size from rank to rank, and
gloo knows neither reduce_scatter nor bf16. Everything travels as bytes.
"""

import collections

import torch
import torch.distributed as dist

from .kernels import sums
from .operations import add


class Messages:
    """The communication streams of one rank. Messages between two ranks keep their order within a
    stream, which is how the k-th send meets the k-th receive."""

    def __init__(self, fixed, memory, groups):
        self._schedule = fixed.schedule
        self._rank = groups.rank
        self._memory = memory
        self._groups = groups
        self._to_self = collections.defaultdict(collections.deque)  # by stream
        self._meetings = fixed.meetings

    def run(self, operation):
        getattr(self, "_" + operation.kind)(operation)

    def _exchange(self, op):
        outgoing = [t for t in op.payload if t.send]
        incoming = [t for t in op.payload if not t.send]
        arrived = self._transmit(
            op.stream,
            [(t.peer, self._memory.read(t.buffer, t.intervals, t.heads)) for t in outgoing],
            [(t.peer, self._memory.room(t.buffer, t.intervals, t.heads)) for t in incoming])
        for transfer, values in zip(incoming, arrived):
            place = transfer.buffer, transfer.intervals, transfer.heads
            if transfer.add:
                add(self._memory, *place, values)
            else:
                self._memory.write(*place, values)

    def _all_gather(self, op):
        sends, receives, places = [], [], []
        for peer, (source, destination), (theirs, _) in self._shares(op):
            own, rows = (self._schedule.buffer(i).intervals for i in (source, theirs))
            sends.append((peer, self._memory.read(source, own, op.heads)))
            receives.append((peer, self._memory.room(destination, rows, op.heads)))
            places.append((destination, rows))
        for place, values in zip(places, self._transmit(op.stream, sends, receives)):
            self._memory.write(*place, op.heads, values)

    def _reduce_scatter(self, op):
        sends, receives, places = [], [], []
        for peer, (source, destination), (_, theirs) in self._shares(op):
            own, rows = (self._schedule.buffer(i).intervals for i in (destination, theirs))
            sends.append((peer, self._memory.read(source, rows, op.heads)))
            receives.append((peer, self._memory.room(destination, own, op.heads)))
            places.append(destination)
        total = {}
        for destination, values in zip(places, self._transmit(op.stream, sends, receives)):
            number = values.to(sums(values.dtype))
            total[destination] = total[destination] + number if destination in total else number
        for destination, values in total.items():
            rows = self._schedule.buffer(destination).intervals
            self._memory.write(destination, rows, op.heads, values)

    def _shares(self, op):
        """(member, own (source, destination), the member's) for every member and pair of a
        collective, in the order in which all members see them."""
        for peer, index in zip(op.payload, self._meetings[op.index]):
            theirs = self._schedule.operation(index).operands
            for at in range(0, len(theirs), 2):
                yield peer, op.operands[at:at + 2], theirs[at:at + 2]

    def _transmit(self, stream, sends, receives):
        """Starts all [(peer, tensor)] together and waits; answers what arrived, in order."""
        group, ranks = self._groups.of_stream[stream], self._groups.ranks
        calls = []
        for peer, tensor in sends:
            if peer == self._rank:
                self._to_self[stream].append(tensor.clone())
            else:
                calls.append(dist.P2POp(dist.isend, as_bytes(tensor), ranks[peer], group))
        for peer, tensor in receives:
            if peer != self._rank:
                calls.append(dist.P2POp(dist.irecv, as_bytes(tensor), ranks[peer], group))
        for work in dist.batch_isend_irecv(calls) if calls else ():
            work.wait()
        return [self._to_self[stream].popleft() if peer == self._rank else tensor
                for peer, tensor in receives]


def as_bytes(tensor):
    """The same memory as uint8, copied first where it has gaps: every backend moves bytes."""
    return tensor.contiguous().view(-1).view(torch.uint8)
