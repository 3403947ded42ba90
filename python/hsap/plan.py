"""What stays the same from step to step: heads, mask, dtype and strategy."""

import json
import os

from ._library import BadInput, call, library


class Plan:
    """A decision how to parallelise, ready to compile any packed batch. Made by load_plan() or
    make_plan(); immutable and safe to use from several threads."""

    def __init__(self, handle: int):
        self._handle = handle
        self._facts = json.loads(library.hsap_planner_json(handle))

    def __del__(self):
        library.hsap_planner_free(self._handle)

    def __reduce__(self):
        return make_plan_from, (json.dumps(self._facts),)

    def __repr__(self):
        return (f"Plan({self.ranks} ranks, {self.heads}/{self.kv_heads} heads of {self.head_dim}, "
                f"{self.mask}, {self.dtype}, {self.strategy['exchange']})")

    @property
    def heads(self) -> int:
        """Query heads of one tensor-parallel rank."""
        return self._facts["heads"]

    @property
    def kv_heads(self) -> int:
        return self._facts["kv_heads"]

    @property
    def head_dim(self) -> int:
        return self._facts["head_dim"]

    @property
    def mask(self) -> str:
        """As the flag --mask spells it: "causal", "sliding:4096", ..."""
        return self._facts["mask"]

    @property
    def dtype(self) -> str:
        """Of q, k, v and o: "bf16" or "fp32"."""
        return self._facts["dtype"]

    @property
    def strategy(self) -> dict:
        return dict(self._facts["strategy"])

    @property
    def ranks(self) -> int:
        """Ranks of the sequence-parallel group: ulysses x context_parallel."""
        return self._facts["strategy"]["ulysses"] * self._facts["strategy"]["context_parallel"]


def load_plan(path: "str | os.PathLike[str]", *, window: bool = False) -> Plan:
    """Reads a plan that hsap-tune wrote and checks all of it. With `window` for the layers of its
    model that see but a sliding window: other slices and messages for the same tokens on each
    rank. Raises BadInput, also where no layer has a window."""
    name = os.fsencode(path)
    if b"\0" in name:  # where C ends a path
        raise BadInput(f"{path!r} is no path: it holds a zero")
    return Plan(call("hsap_planner_read_window" if window else "hsap_planner_read", name))


def make_plan(*, heads: int, head_dim: int, kv_heads: "int | None" = None, mask: str = "causal",
              balanced_by: "str | None" = None, dtype: str = "bf16", **strategy) -> Plan:
    """A plan without a search: make_plan(heads=32, kv_heads=8, head_dim=128, ulysses=8,
    context_parallel=4, layout="balanced", exchange="p2p"). The strategy's names are those of a plan
    file. `balanced_by` is the mask of other layers, whose work the layout "balanced" shares out.
    Raises BadInput."""
    facts = {"heads": heads, "kv_heads": heads if kv_heads is None else kv_heads,
             "head_dim": head_dim, "mask": mask, "dtype": dtype, "strategy": strategy}
    if balanced_by is not None:
        facts["balanced_by"] = balanced_by
    return make_plan_from(json.dumps(facts))


def make_plan_from(text: str) -> Plan:
    return Plan(call("hsap_planner_parse", text.encode()))
