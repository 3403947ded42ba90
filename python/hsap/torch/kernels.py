"""The arithmetic of a schedule in plain PyTorch operations, on any device.

Sums are float32 (float64 for float64 tensors). Scores are made block by block, so memory stays
bounded; masked blocks are skipped. A faster kernel replaces a method of Kernels.
"""

import math

import torch

BLOCK_NUMBERS = 1 << 24  # scores held at once


def sums(dtype: torch.dtype) -> torch.dtype:
    """In which numbers are added that are kept as `dtype`."""
    return torch.float64 if dtype == torch.float64 else torch.float32


class Kernels:
    """q, o, do, dq: [rows, query heads, head_dim]; k, v, dk, dv: [rows, key heads, head_dim]; lse,
    delta: [rows, query heads, 1]. `key_head` gives for each query head the key head that it reads,
    shape [query heads]."""

    def attend(self, q, k, v, kind, key_head):
        """One slice of the mask: (o, lse) of its query rows against its key rows, o normalised.
        Rows that see no key get o = 0 and lse = -inf."""
        number = sums(q.dtype)
        scale = 1 / math.sqrt(q.shape[-1])
        o = torch.zeros(q.shape, dtype=number, device=q.device)
        lse = torch.full((*q.shape[:2], 1), -math.inf, dtype=number, device=q.device)
        for rows, columns in blocks(kind, q.shape[0], k.shape[0], q.shape[1]):
            scores = torch.einsum("nhd,mhd->nhm", q[rows].to(number) * scale,
                                  spread(k[columns], key_head, number))
            hide(scores, kind, rows, columns, q.shape[0], k.shape[0])
            lse[rows] = torch.logsumexp(scores, -1, keepdim=True)
            weights = torch.exp(scores - finite(lse[rows]))
            o[rows] = torch.einsum("nhm,mhd->nhd", weights, spread(v[columns], key_head, number))
        return o, lse

    def attend_backward(self, q, k, v, do, lse, delta, kind, key_head):
        """One slice: its parts of (dq, dk, dv), given the complete lse and delta of the rows."""
        number = sums(q.dtype)
        scale = 1 / math.sqrt(q.shape[-1])
        dq = torch.zeros(q.shape, dtype=number, device=q.device)
        dk = torch.zeros(k.shape, dtype=number, device=q.device)
        dv = torch.zeros(v.shape, dtype=number, device=q.device)
        for rows, columns in blocks(kind, q.shape[0], k.shape[0], q.shape[1]):
            queries, above = q[rows].to(number), do[rows].to(number)
            keys = spread(k[columns], key_head, number)
            scores = torch.einsum("nhd,mhd->nhm", queries * scale, keys)
            hide(scores, kind, rows, columns, q.shape[0], k.shape[0])
            weights = torch.exp(scores - finite(lse[rows].to(number)))
            dv[columns] += gather(torch.einsum("nhm,nhd->mhd", weights, above), key_head, dv)
            slopes = torch.einsum("nhd,mhd->nhm", above, spread(v[columns], key_head, number))
            slopes = weights * (slopes - delta[rows].to(number)) * scale
            dq[rows] += torch.einsum("nhm,mhd->nhd", slopes, keys)
            dk[columns] += gather(torch.einsum("nhm,nhd->mhd", slopes, queries), key_head, dk)
        return dq, dk, dv


def merge(o, lse, part_o, part_lse):
    """Two partial outputs over disjoint keys as one: (o, lse), all in the dtype of sums."""
    both = torch.logaddexp(lse, part_lse)
    keep, add = torch.exp(lse - finite(both)), torch.exp(part_lse - finite(both))
    return o * keep + part_o * add, both


def finite(lse):
    """-inf as 0, so that exp(-inf - lse) is 0 instead of NaN."""
    return torch.where(torch.isneginf(lse), torch.zeros_like(lse), lse)


def spread(rows, key_head, number):
    """Key rows, one head for each query head."""
    return rows.to(number)[:, key_head]


def gather(parts, key_head, like):
    """Sums the parts of the query heads that read the same key head."""
    out = torch.zeros((parts.shape[0], *like.shape[1:]), dtype=parts.dtype, device=parts.device)
    return out.index_add_(1, key_head, parts)


def blocks(kind, queries, keys, heads):
    """(query rows, key rows) of the parts of a slice that hold unmasked pairs."""
    step = max(1, BLOCK_NUMBERS // max(1, heads * keys))
    for first in range(0, queries, step):
        last = min(first + step, queries)
        low = first if kind in ("inverse_causal", "bi_causal") else 0
        high = last + keys - queries if kind in ("causal", "bi_causal") else keys
        if low < min(high, keys):
            yield slice(first, last), slice(low, min(high, keys))


def hide(scores, kind, rows, columns, queries, keys):
    """Masks scores [rows, heads, columns] of a slice of queries x keys in place."""
    if kind == "full":
        return
    i = torch.arange(rows.start, rows.stop, device=scores.device)[:, None]
    j = torch.arange(columns.start, columns.stop, device=scores.device)[None, :]
    hidden = torch.zeros((i.numel(), j.numel()), dtype=torch.bool, device=scores.device)
    if kind in ("causal", "bi_causal"):
        hidden |= j - i > keys - queries
    if kind in ("inverse_causal", "bi_causal"):
        hidden |= j < i
    scores.masked_fill_(hidden[:, None, :], -math.inf)
