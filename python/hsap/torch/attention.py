"""attention(): runs a program with torch.distributed, forward and backward."""

import torch

from ..program import COLLECTIVES
from . import lanes
from .kernels import Kernels
from .memory import Memory, Rows
from .messages import Messages
from .operations import Compute


def attention(q, k, v, program, groups, kernels=None):
    """Attention of the whole packed batch, for the rows of this rank.

    q: [tokens, heads, head_dim], k and v: [tokens, kv_heads, head_dim], with the rows
    program.tokens in that order and all heads of the tensor-parallel rank; answers o in the shape
    of q. Their dtype is the plan's (float16 may stand for bf16), or float64 to have everything in
    float64. `groups` comes from hsap.torch.groups(). Differentiable once. Every rank of the group
    calls it with the program of the same batch. Scores are scaled by 1 / sqrt(head_dim).

    Raises ValueError when shapes, dtypes or the rank do not fit the program."""
    _check(q, k, v, program, groups)
    return _Attention.apply(q, k, v, program, groups, kernels or Kernels())


def _check(q, k, v, program, groups):
    plan, rows = program.plan, len(program.tokens)
    if (groups.rank, len(groups.ranks)) != (program.rank, plan.ranks):
        raise ValueError(f"the program is for rank {program.rank} of {plan.ranks}, this is rank "
                         f"{groups.rank} of {len(groups.ranks)}")
    for name, tensor, heads in (("q", q, plan.heads), ("k", k, plan.kv_heads),
                                ("v", v, plan.kv_heads)):
        if tuple(tensor.shape) != (rows, heads, plan.head_dim):
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected "
                             f"{(rows, heads, plan.head_dim)}")
        if tensor.dtype != q.dtype or tensor.device != q.device:
            raise ValueError(f"{name} is {tensor.dtype} on {tensor.device}, q is {q.dtype} on "
                             f"{q.device}")
    known = {"bf16": (torch.bfloat16, torch.float16), "fp32": (torch.float32,)}[plan.dtype]
    if q.dtype not in (*known, torch.float64):
        raise ValueError(f"q is {q.dtype}, the plan is for {plan.dtype}")


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, program, groups, kernels):
        run = _Pass(program, "forward", groups, q)
        run.give({"q": q, "k": k, "v": v})
        run.execute(kernels)
        o, = run.take(("o",), (q,))
        if any(ctx.needs_input_grad):
            kept = run.kept()
            ctx.save_for_backward(*kept.values())
            ctx.of_pass = program, groups, kernels, tuple(kept)
        return o

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, do):
        program, groups, kernels, names = ctx.of_pass
        run = _Pass(program, "backward", groups, do)
        run.restore(dict(zip(names, ctx.saved_tensors)))
        run.give({"do": do})
        run.execute(kernels)
        k_shape = do.new_empty((do.shape[0], program.plan.kv_heads, do.shape[2]))
        return *run.take(("dq", "dk", "dv"), (do, k_shape, k_shape)), None, None, None


class _Prepared:
    """What passes over one batch share in every layer of a model."""

    def __init__(self, schedule, rank, device):
        self.schedule = schedule
        self.operations = schedule.program(rank)
        self.meetings = schedule.meetings(rank)
        self.home = schedule.home(rank)
        self.rows = Rows(device)
        buffers = (schedule.buffer(i) for op in self.operations for i in op.buffers())
        self.inputs = {_name(buffer) for buffer in buffers if buffer.usage == "input"}


def _prepared(program, pass_name, device):
    key = pass_name, device
    if key not in program.cache:
        program.cache[key] = _Prepared(getattr(program, pass_name), program.rank, device)
    return program.cache[key]


class _Pass:
    """One pass of one rank: its operations and its memory."""

    def __init__(self, program, pass_name, groups, like):
        self._program = program
        self._groups = groups
        self._fixed = _prepared(program, pass_name, like.device)
        self._memory = Memory(self._fixed, program.plan.head_dim, like)

    def give(self, tensors):
        """Fills the inputs of the given roles from the rows that this rank owns."""
        for index, buffer in self._memory.buffers("input"):
            if buffer.role in tensors:
                rows = self._fixed.rows.find(self._fixed.home, buffer.intervals)
                heads = slice(*buffer.heads)
                self._memory.put(index, tensors[buffer.role].detach()[rows, heads])

    def restore(self, kept):
        """Fills the inputs that the forward pass left here."""
        for index, buffer in self._memory.buffers("input"):
            if buffer.role != "do":
                self._memory.put(index, kept[_name(buffer)])

    def kept(self):
        """What the backward pass needs again, by name."""
        wanted = _prepared(self._program, "backward", self._memory.device).inputs
        return {_name(buffer): self._memory.tensor(index)
                for index, buffer in self._memory.buffers("input", "output", "saved")
                if _name(buffer) in wanted}

    def execute(self, kernels):
        plan = self._program.plan
        compute = Compute(self._fixed.schedule, self._memory, (plan.heads, plan.kv_heads), kernels)
        messages = Messages(self._fixed, self._memory, self._groups)

        def step(operation):
            # A caller's autocast would make bf16 of the float32 sums.
            with torch.no_grad(), torch.autocast(self._memory.device.type, enabled=False):
                if operation.kind == "exchange" or operation.kind in COLLECTIVES:
                    messages.run(operation)
                else:
                    compute.run(operation)
            self._memory.release(operation)

        lanes.run(self._fixed.operations, step, self._memory.device)

    def take(self, roles, likes):
        """The complete results of some roles, in the rows that this rank owns."""
        out = {role: torch.empty_like(like) for role, like in zip(roles, likes)}
        for index, buffer in self._memory.buffers("output"):
            if buffer.role in out:
                rows = self._fixed.rows.find(self._fixed.home, buffer.intervals)
                out[buffer.role][rows, slice(*buffer.heads)] = self._memory.tensor(index)
        return tuple(out[role] for role in roles)


def _name(buffer):
    """The same rows have the same name in both passes."""
    return buffer.role, buffer.intervals, buffer.heads
