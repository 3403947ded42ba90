"""Compiles a packed batch and shows what one rank has to do."""

import bisect
import collections
import ctypes
import functools
from typing import NamedTuple, Sequence

from ._library import View, call, integers, library
from .plan import Plan

# Names of the enumerations, in the order of include/hsap/schedule.hpp and mask.hpp.
ROLES = ("q", "k", "v", "o", "lse", "dq", "dk", "dv", "do", "delta")
USAGES = ("input", "output", "saved", "staging")
KINDS = ("attend", "attend_backward", "delta", "merge", "reduce", "copy", "exchange", "all_gather",
         "reduce_scatter", "compute")
STREAMS = ("compute", "heads", "keys", "gradients", "network")
SLICE_KINDS = ("full", "causal", "inverse_causal", "bi_causal")
DTYPES = ("bf16", "fp32")
COLLECTIVES = ("all_gather", "reduce_scatter")


class Buffer(NamedTuple):
    """Rows of one role on one rank: the tokens of `intervals` in order, for heads [begin, end)."""
    role: str
    usage: str
    dtype: str
    heads: "tuple[int, int]"
    intervals: "tuple[range, ...]"


class Transfer(NamedTuple):
    """One message of an exchange: rows `intervals` of `buffer` for heads [begin, end)."""
    send: bool
    peer: int
    buffer: int
    intervals: "tuple[range, ...]"
    heads: "tuple[int, int]"
    add: bool


class Slice(NamedTuple):
    query: range
    key: range
    kind: str


class Operation(NamedTuple):
    """One step. `index` counts in the whole schedule; `dependencies` are indices too. The payload
    depends on the kind: slices, transfers, intervals, or the ranks of a collective. `operands` are
    buffers. What each kind does is said in include/hsap/schedule.hpp."""
    index: int
    kind: str
    stream: str
    accumulate_query: bool
    accumulate_key: bool
    heads: "tuple[int, int]"
    payload: tuple
    operands: "tuple[int, ...]"
    dependencies: "tuple[int, ...]"

    def buffers(self) -> "set[int]":
        """The buffers that it reads or writes."""
        moved = (t.buffer for t in self.payload) if self.kind == "exchange" else ()
        return {*self.operands, *moved}


class Schedule:
    """One compiled pass: the arrays of the library, decoded where they are looked at. A rank, buffer
    or operation that it lacks raises IndexError."""

    def __init__(self, handle: int):
        self._handle = handle
        self._view = View()
        self._buffers = {}
        library.hsap_read(handle, ctypes.byref(self._view))

    def __del__(self):
        library.hsap_schedule_free(self._handle)

    def __reduce__(self):
        raise TypeError("a schedule cannot be copied; its program can")  # it owns its handle

    def verify(self) -> None:
        """Raises Infeasible with the first flaw, if there is one."""
        call("hsap_verify", self._handle)

    @property
    def ranks(self) -> int:
        return self._view.ranks

    def home(self, rank: int) -> "tuple[range, ...]":
        """The tokens that a rank owns outside attention."""
        return self._intervals(self._view.home[self._known_rank(rank)])

    def buffer(self, index: int) -> Buffer:
        if index not in self._buffers:
            raw = self._view.buffers[_known(index, self._view.buffer_count, "buffer")]
            self._buffers[index] = Buffer(ROLES[raw.role], USAGES[raw.usage], DTYPES[raw.dtype],
                                          (raw.heads_begin, raw.heads_end),
                                          self._intervals(raw.intervals))
        return self._buffers[index]

    def program(self, rank: int) -> "list[Operation]":
        """The operations of a rank in host issue order."""
        span = self._view.programs[self._known_rank(rank)]
        return [self.operation(i) for i in range(span.first, span.first + span.count)]

    def operation(self, index: int) -> Operation:
        raw = self._view.operations[_known(index, self._view.operation_count, "operation")]
        kind = KINDS[raw.kind]
        return Operation(index, kind, STREAMS[raw.stream], bool(raw.accumulate_query),
                         bool(raw.accumulate_key), (raw.heads_begin, raw.heads_end),
                         self._payload(kind, raw.payload),
                         tuple(self._items(self._view.operands, raw.operands)),
                         tuple(self._items(self._view.dependencies, raw.dependencies)))

    def meetings(self, rank: int) -> "dict[int, tuple[int, ...]]":
        """For each collective of a rank the operations that meet in it, in the group's order: the
        k-th of a stream among equal groups on every member."""
        def turns_of(member):
            found = collections.defaultdict(list)
            span = self._view.programs[self._known_rank(member)]
            for i in range(span.first, span.first + span.count):
                raw = self._view.operations[i]
                if KINDS[raw.kind] in COLLECTIVES:
                    group = self._payload(KINDS[raw.kind], raw.payload)
                    found[raw.kind, raw.stream, group].append(i)
            return found

        turns = functools.lru_cache(maxsize=None)(turns_of)
        return {mine: tuple(turns(member)[key][turn] for member in key[2])
                for key, all_mine in turns(rank).items() for turn, mine in enumerate(all_mine)}

    def _known_rank(self, rank: int) -> int:
        return _known(rank, self.ranks, "rank")

    @staticmethod
    def _items(array, span) -> list:
        return array[span.first:span.first + span.count]

    def _intervals(self, span) -> "tuple[range, ...]":
        return tuple(_range(i) for i in self._items(self._view.intervals, span))

    def _payload(self, kind: str, span) -> tuple:
        if kind in ("attend", "attend_backward"):
            return tuple(Slice(_range(s.query), _range(s.key), SLICE_KINDS[s.kind])
                         for s in self._items(self._view.slices, span))
        if kind == "exchange":
            return tuple(Transfer(t.direction == 0, t.peer, t.buffer, self._intervals(t.intervals),
                                  (t.heads_begin, t.heads_end), bool(t.add))
                         for t in self._items(self._view.transfers, span))
        if kind == "copy":
            return self._intervals(span)
        if kind in COLLECTIVES:
            group = self._view.groups[span.first]
            return tuple(group.first + i * group.stride for i in range(group.count))
        return ()


class Program:
    """What one rank does with one packed batch, forward and backward. From compile()."""

    def __init__(self, plan: Plan, cu_seqlens: "list[int]", rank: int):
        self.plan = plan
        self.rank = rank
        self.cu_seqlens = cu_seqlens
        self.cache = {}  # what an executor wants to keep from layer to layer
        self.forward = self._compile(False)

    def __reduce__(self):
        return compile, (self.cu_seqlens, self.plan, self.rank)  # to copy or send it

    def _compile(self, backward: bool) -> Schedule:
        ends = (ctypes.c_int64 * len(self.cu_seqlens))(*self.cu_seqlens)
        return Schedule(call("hsap_compile", self.plan._handle, ends, len(ends), int(backward)))

    @functools.cached_property
    def backward(self) -> Schedule:
        """Compiled when first asked for."""
        return self._compile(True)

    @functools.cached_property
    def tokens(self) -> "list[int]":
        """Positions in the packed sequence of the rows that this rank holds, in their order: rank
        r's q is q_of_all[tokens], shape [len(tokens), heads, head_dim]."""
        return [token for interval in self.forward.home(self.rank) for token in interval]

    @functools.cached_property
    def positions(self) -> "list[int]":
        """Position of each of `tokens` inside its document, as rotary embeddings need it."""
        starts = self.cu_seqlens
        return [token - starts[bisect.bisect_right(starts, token) - 1] for token in self.tokens]

    def verify(self) -> None:
        """Proves both passes for every rank, and that backward finds what forward leaves; raises
        Infeasible with the first flaw."""
        call("hsap_verify_both", self.forward._handle, self.backward._handle)


def compile(cu_seqlens: "Sequence[int]", plan: Plan, rank: int) -> Program:
    """Compiles the packed batch with the given prefix sums (0, then the end of each document; any
    sequence of integers, a tensor included; ends that repeat, as in a padded cu_seqlens, change
    nothing). Every rank of the group compiles the same batch.
    `rank` counts in the sequence-parallel group; IndexError when the plan lacks it. Raises BadInput,
    or Infeasible when the strategy cannot serve the batch."""
    if not 0 <= rank < plan.ranks:
        raise IndexError(f"rank {rank} of a plan for {plan.ranks} ranks")
    return Program(plan, integers(cu_seqlens), rank)


def _known(index: int, count: int, what: str) -> int:
    """The index, if there are so many: the library's pointers would read anything."""
    if not 0 <= index < count:
        raise IndexError(f"{what} {index} of {count}")
    return index


def _range(raw) -> range:
    return range(raw.begin, raw.end, raw.stride)
