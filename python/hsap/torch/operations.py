"""One function for each kind of operation on the memory of a rank."""

import torch

from .kernels import merge, sums


class Compute:
    """Kernels of a schedule. `heads` are those of the problem: (query, key)."""

    def __init__(self, schedule, memory, heads, kernels):
        self._schedule = schedule
        self._memory = memory
        self._heads = heads
        self._kernels = kernels

    def run(self, operation):
        buffers = [self._schedule.buffer(i) for i in operation.operands]
        getattr(self, "_" + operation.kind)(operation, buffers)

    def _key_heads(self, heads):
        """The range of key heads that query heads read."""
        query, key = self._heads
        return heads[0] * key // query, (heads[1] - 1) * key // query + 1

    def _key_head(self, heads, device):
        """For each query head its key head, counted from the first that is read."""
        query, key = self._heads
        first = heads[0] * key // query
        return torch.tensor([h * key // query - first for h in range(*heads)], device=device)

    def _attend(self, op, buffers):
        q, k, v, o, lse = op.operands
        memory, rows, keys = self._memory, buffers[3].intervals, self._key_heads(op.heads)
        old_o, old_lse = memory.read(o, rows, op.heads), memory.read(lse, rows, op.heads)
        number = sums(old_o.dtype)
        if op.accumulate_query:
            sum_o, sum_lse = old_o.to(number), old_lse.to(number)
        else:
            sum_o = torch.zeros_like(old_o, dtype=number)
            sum_lse = torch.full_like(old_lse, -torch.inf, dtype=number)
        key_head = self._key_head(op.heads, old_o.device)
        for piece in op.payload:
            at = memory.rows.find(rows, (piece.query,))
            part = self._kernels.attend(memory.read(q, (piece.query,), op.heads),
                                        memory.read(k, (piece.key,), keys),
                                        memory.read(v, (piece.key,), keys), piece.kind, key_head)
            sum_o[at], sum_lse[at] = merge(sum_o[at], sum_lse[at], *part)
        memory.write(o, rows, op.heads, sum_o)
        memory.write(lse, rows, op.heads, sum_lse)

    def _attend_backward(self, op, buffers):
        q, k, v, do, lse, delta, dq, dk, dv = op.operands
        memory, keys = self._memory, self._key_heads(op.heads)
        key_head = self._key_head(op.heads, memory.tensor(dq).device)
        query_rows, key_rows = buffers[6].intervals, (buffers[7].intervals, buffers[8].intervals)
        sum_q = self._start(dq, query_rows, op.heads, op.accumulate_query)
        sum_k = self._start(dk, key_rows[0], keys, op.accumulate_key)
        sum_v = self._start(dv, key_rows[1], keys, op.accumulate_key)
        for piece in op.payload:
            query, key = (piece.query,), (piece.key,)
            parts = self._kernels.attend_backward(
                memory.read(q, query, op.heads), memory.read(k, key, keys),
                memory.read(v, key, keys), memory.read(do, query, op.heads),
                memory.read(lse, query, op.heads), memory.read(delta, query, op.heads),
                piece.kind, key_head)
            sum_q[memory.rows.find(query_rows, query)] += parts[0]
            sum_k[memory.rows.find(key_rows[0], key)] += parts[1]
            sum_v[memory.rows.find(key_rows[1], key)] += parts[2]
        memory.write(dq, query_rows, op.heads, sum_q)
        memory.write(dk, key_rows[0], keys, sum_k)
        memory.write(dv, key_rows[1], keys, sum_v)

    def _start(self, index, rows, heads, keep):
        old = self._memory.read(index, rows, heads)
        return old.to(sums(old.dtype)) if keep else torch.zeros_like(old, dtype=sums(old.dtype))

    def _delta(self, op, buffers):
        o, do, delta = op.operands
        rows = buffers[2].intervals
        products = self._memory.read(o, rows, op.heads).to(sums(self._memory.tensor(delta).dtype))
        products = products * self._memory.read(do, rows, op.heads)
        self._memory.write(delta, rows, op.heads, products.sum(-1, keepdim=True))

    def _merge(self, op, buffers):
        memory, rows = self._memory, buffers[0].intervals
        part_o, part_lse, o, lse = (memory.read(i, rows, op.heads) for i in op.operands)
        number = sums(o.dtype)
        both = merge(o.to(number), lse.to(number), part_o.to(number), part_lse.to(number))
        memory.write(op.operands[2], rows, op.heads, both[0])
        memory.write(op.operands[3], rows, op.heads, both[1])

    def _reduce(self, op, buffers):
        source, destination = op.operands
        add(self._memory, destination, buffers[0].intervals, op.heads,
            self._memory.read(source, buffers[0].intervals, op.heads))

    def _copy(self, op, buffers):
        source, destination = op.operands
        rows = op.payload or buffers[0].intervals
        self._memory.write(destination, rows, op.heads, self._memory.read(source, rows, op.heads))

    def _compute(self, op, buffers):
        """Stands for work outside attention; touches nothing."""


def add(memory, index, rows, heads, values):
    """Adds values to rows of a buffer, in the dtype of sums."""
    old = memory.read(index, rows, heads)
    memory.write(index, rows, heads, old.to(sums(old.dtype)) + values.to(sums(old.dtype)))
