"""The buffers of one rank during one pass, as tensors, and which rows of them hold which tokens."""

import collections
import threading

import torch

ONE_NUMBER = ("lse", "delta")  # for each row and head, instead of head_dim


class Rows:
    """Finds tokens in lists of intervals. Answers are kept: they are the same in every layer."""

    def __init__(self, device):
        self._device = device
        self._found = {}
        self._sorted = {}

    def find(self, intervals, wanted):
        """Rows of `wanted` tokens among those of `intervals`: a slice where they follow each
        other, otherwise an index tensor."""
        key = intervals, wanted
        if key not in self._found:
            self._found[key] = self._search(intervals, wanted)
        return self._found[key]

    def _search(self, intervals, wanted):
        if intervals == wanted:
            return slice(0, sum(map(len, intervals)))
        if intervals not in self._sorted:
            self._sorted[intervals] = torch.sort(tokens_of(intervals))
        tokens, order = self._sorted[intervals]
        rows = order[torch.searchsorted(tokens, tokens_of(wanted))]
        first, count = int(rows[0]), rows.numel()
        if torch.equal(rows, torch.arange(first, first + count)):
            return slice(first, first + count)
        return rows.to(self._device)


def tokens_of(intervals):
    """The tokens of intervals in order, shape [tokens], on the CPU."""
    return torch.cat([torch.arange(i.start, i.stop, i.step) for i in intervals])


class Memory:
    """Tensors by buffer: [rows, heads, head_dim or 1]. A staging buffer exists from its first to
    its last use. Used by the threads of all streams."""

    def __init__(self, fixed, head_dim, like):
        self._schedule = fixed.schedule
        self._like = like
        self.device = like.device
        self._head_dim = head_dim
        self._lock = threading.Lock()
        self._tensors = {}
        self._uses = collections.Counter(b for op in fixed.operations for b in op.buffers())
        self.rows = fixed.rows

    def buffers(self, *usages):
        """(index, buffer) of those with one of the usages."""
        described = ((index, self._schedule.buffer(index)) for index in sorted(self._uses))
        return [(index, buffer) for index, buffer in described if buffer.usage in usages]

    def dtype(self, buffer):
        """2-byte numbers travel as what the caller gave; float64 makes everything float64."""
        if buffer.dtype == "bf16" or self._like.dtype == torch.float64:
            return self._like.dtype
        return torch.float32

    def put(self, index, tensor):
        self._tensors[index] = tensor

    def tensor(self, index):
        """The whole buffer."""
        with self._lock:
            if index not in self._tensors:
                buffer = self._schedule.buffer(index)
                shape = (sum(map(len, buffer.intervals)), buffer.heads[1] - buffer.heads[0],
                         1 if buffer.role in ONE_NUMBER else self._head_dim)
                self._tensors[index] = torch.empty(shape, dtype=self.dtype(buffer),
                                                   device=self.device)
            tensor = self._tensors[index]
        if tensor.is_cuda:
            tensor.record_stream(torch.cuda.current_stream(tensor.device))
        return tensor

    def read(self, index, intervals, heads):
        """Rows of a buffer: [tokens, heads, width]."""
        buffer = self._schedule.buffer(index)
        return self.tensor(index)[self.rows.find(buffer.intervals, intervals), _heads(buffer, heads)]

    def room(self, index, intervals, heads):
        """An empty tensor of the shape that read() would give."""
        like = self.tensor(index)
        return like.new_empty((sum(map(len, intervals)), heads[1] - heads[0], like.shape[-1]))

    def write(self, index, intervals, heads, values):
        buffer = self._schedule.buffer(index)
        tensor = self.tensor(index)
        rows = self.rows.find(buffer.intervals, intervals)
        tensor[rows, _heads(buffer, heads)] = values.to(tensor.dtype)

    def release(self, operation):
        """After an operation: forgets staging buffers that nothing needs any more."""
        with self._lock:
            for index in operation.buffers():
                self._uses[index] -= 1
                if self._uses[index] == 0 and self._schedule.buffer(index).usage == "staging":
                    self._tensors.pop(index, None)


def _heads(buffer, heads):
    return slice(heads[0] - buffer.heads[0], heads[1] - buffer.heads[0])
