"""One process of test_torch.py: attention() of many plans against dense attention of all tokens."""

import json
import random
import sys

import torch
import torch.distributed as dist

import cluster
import hsap
import hsap.torch

MASKS = ("causal", "full", "sliding:37", "prefix:9", "shared_question:11:3")


def allowed(mask, cu_seqlens):
    """Which key each query sees, [tokens, tokens]: documents and the rule of the mask, written
    token by token from their definitions."""
    tokens = cu_seqlens[-1]
    seen = torch.zeros(tokens, tokens, dtype=torch.bool)
    kind, *numbers = mask.split(":")
    numbers = list(map(int, numbers))
    for begin, end in zip(cu_seqlens, cu_seqlens[1:]):
        length = end - begin
        i = torch.arange(length)[:, None]
        j = torch.arange(length)[None, :]
        rule = j <= i
        if kind == "full":
            rule = torch.ones(length, length, dtype=torch.bool)
        elif kind == "sliding":
            rule = rule & (i - j < numbers[0])
        elif kind == "prefix":
            rule = rule | ((i < numbers[0]) & (j < numbers[0]))
        elif kind == "shared_question":
            question, answers = numbers
            size = max(1, (length - question) // answers)
            answer = torch.clamp((torch.arange(length) - question) // size, max=answers - 1)
            rule = rule & ((j < question) | (answer[:, None] == answer[None, :]))
        seen[begin:end, begin:end] = rule
    return seen


def dense(q, k, v, seen):
    """Attention by the book, [tokens, heads, dim]."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = torch.einsum("nhd,mhd->hnm", q, k) / q.shape[-1] ** 0.5
    return torch.einsum("hnm,mhd->nhd", scores.masked_fill(~seen, -torch.inf).softmax(-1), v)


def draw(dice, ranks, exchange, layout):
    """A random case for an exchange and a layout."""
    ulysses = dice.choice([u for u in (1, 2, 4, 8) if ranks % u == 0])
    kv_heads = dice.choice((1, 2, 3, 4))
    heads = kv_heads * dice.choice((1, 2, 4))
    if heads < ulysses:
        heads = kv_heads * 8
    lengths = [dice.choice((1, 2, 7, 30, 64, 90, 150)) for _ in range(dice.randint(1, 6))]
    lengths.append(dice.randint(ranks * 4, 200))  # room for every shard
    context = ranks // ulysses
    return {"heads": heads, "kv_heads": kv_heads, "head_dim": dice.choice((8, 32)),
            "mask": dice.choice(MASKS), "ulysses": ulysses, "context_parallel": context,
            "order": dice.choice(("ulysses-inner", "context-inner")), "layout": layout,
            "exchange": exchange, "dtype": dice.choice(("fp32", "fp32", "bf16")),
            "gradient_dtype": "fp32",
            "moves": dice.choice(("keys", "queries", "fewest")),
            "transfer_order": dice.choice(("nearest", "most_work", "nic_balanced")),
            "kv_groups": dice.choice(("fused", "split")),
            "gradient_return": dice.choice(("at_once", "batched")),
            "inner_degree": dice.choice([i for i in (1, 2, 4, 8) if context % i == 0])}, lengths


def error(found, wanted):
    return float((found.double() - wanted).abs().max() / wanted.abs().max().clamp(min=1e-30))


def truth_of(whole, mask, cu_seqlens):
    """o, dq, dk and dv of all tokens, from rank 0: eight processes share two cores."""
    q, k, v = (tensor.clone().requires_grad_() for tensor in whole[:3])
    truth = [torch.empty_like(tensor) for tensor in (whole[3], q, k, v)]
    if dist.get_rank() == 0:
        o = dense(q, k, v, allowed(mask, cu_seqlens))
        o.backward(whole[3])
        truth = [tensor.contiguous() for tensor in (o.detach(), q.grad, k.grad, v.grad)]
    for tensor in truth:
        dist.broadcast(tensor, 0)
    return truth


def run_case(case, lengths, groups, number, seed):
    """The worst relative error of o, dq, dk and dv on this rank."""
    cu_seqlens = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    plan = hsap.make_plan(**case)
    program = hsap.compile(cu_seqlens, plan, groups.rank)
    generator = torch.Generator().manual_seed(seed)
    shapes = [(cu_seqlens[-1], n, case["head_dim"])
              for n in (case["heads"], case["kv_heads"], case["kv_heads"], case["heads"])]
    whole = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    if number != torch.float64:  # the truth starts from the same rounded numbers
        whole = [tensor.to(number).double() for tensor in whole]
    truth = truth_of(whole, case["mask"], cu_seqlens)
    rows = torch.tensor(program.tokens)
    mine = [tensor[rows].to(number).requires_grad_() for tensor in whole[:3]]
    before = [tensor.detach().clone() for tensor in mine]
    found = hsap.torch.attention(*mine, program, groups)
    found.backward(whole[3][rows].to(number))
    assert all(torch.equal(a, b) for a, b in zip(mine, before)), "an input was changed"
    ours = [found.detach(), *(tensor.grad for tensor in mine)]
    return max(error(part, all_rows[rows]) for part, all_rows in zip(ours, truth))


def main():
    seed, count = map(int, cluster.join(sys.argv[1:]))
    groups = hsap.torch.groups()
    dice = random.Random(seed)
    ran, worst = 0, {}
    for turn in range(count):
        for exchange in ("ring", "double_ring", "all_gather", "p2p", "hierarchical"):
            for layout in ("contiguous", "zigzag", "striped", "per_document_zigzag", "balanced"):
                case, lengths = draw(dice, len(groups.ranks), exchange, layout)
                number = {"fp32": torch.float32, "bf16": torch.bfloat16}[case["dtype"]]
                if dice.random() < 0.3:
                    number = torch.float64
                try:
                    found = run_case(case, lengths, groups, number, seed + turn)
                except hsap.Infeasible:
                    continue
                limit = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 1.2e-2}[number]
                assert found < limit, f"error {found} of {number} in {case} over {lengths}"
                ran += 1
                worst[str(number)] = max(found, worst.get(str(number), 0))
    print(json.dumps({"ran": ran, "worst": worst}))


main()
