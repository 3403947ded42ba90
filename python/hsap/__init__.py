"""hsap for trainers: load a plan, compile each packed batch, run this rank's program.

    plan = hsap.load_plan("plan.json")
    program = hsap.compile(cu_seqlens, plan, rank)      # every step: milliseconds
    o = hsap.torch.attention(q[program.tokens], ...)    # import hsap.torch first

A loader may also ask which replica should take which batch: pairs() and deal().

Only the standard library and the shared library libhsap are needed, but for hsap.torch.
"""

from ._library import BadInput, Error, Infeasible, version
from .loader import deal, pairs
from .plan import Plan, load_plan, make_plan
from .program import Program, compile

__version__ = "0.1.0"
__all__ = ["BadInput", "Error", "Infeasible", "Plan", "Program", "compile", "deal",
           "load_plan", "make_plan", "pairs", "version"]
