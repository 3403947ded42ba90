#!/usr/bin/python3
"""Derives validate/cases/*.json from tables of published measurements.

Usage: make_cases.py TABLES [OUT]     TABLES holds the .csv files named below (docs/cases-format.md
                                      says where they are from); OUT defaults to validate/cases

What a table cannot say (which documents were packed, what a plan did) is left out; docs/accuracy.md
lists it.
"""
import collections
import csv
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ULTRAATTN = "oliverYoung2001/UltraAttn (Apache-2.0)"
MAGI = "SandAI-org/MagiAttention (Apache-2.0), read off charts to about 3 TFLOP/s"
LAYOUTS = {"ring": "contiguous", "zigzag": "zigzag", "stripe": "striped", "basic": "contiguous"}
PASSES = {"fwd": "forward", "bwd": "backward", "fwd+bwd": "both"}
# Both directions between the same two GPUs take turns, as without a group, and each send or receive
# is a kernel of its own, issued by the host one after the other.
UNGROUPED = {
    "schema": "hsap.runtime/1", "name": "ungrouped", "description": "sends and receives one by one",
    "sources": ["host_transfer_s: what rings of the same transfers take longer than grouped ones"], "host_launch_s": 0, "host_exchange_s": 0, "host_transfer_s": 9e-6,
    "duplex": False, "concurrent_peers": 0, "stream_wait_s": 0, "kernel_slowdown": 0,
    "communication_multiprocessors": 0, "communication_enters": "at_once", "overlap_share": 1,
    "communicator_bytes": 0}


def rows(tables, name):
    with open(tables / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tokens(count):
    return f"{count // 1024}K" if count % 1024 == 0 else str(count)


def ring_runs(tables):
    """Distributed attention, slowest rank, per call."""
    files = collections.defaultdict(list)
    for row in rows(tables, "ring_runs.csv"):
        nodes, gpus, total, heads = (int(row[k]) for k in ("nodes", "gpus_per_node", "seq_total",
                                                           "q_heads"))
        ranks = nodes * gpus
        per_rank = total // ranks
        if heads == 32:
            size = "512 tokens a rank and more" if per_rank >= 512 else "fewer than 512 tokens a rank"
        else:
            size = f"{heads} head"
        causal = row["causal"] == "1"
        case = {
            "name": f"{row['impl'] if causal else 'full ' + row['impl']} {tokens(total)} x {heads}",
            "group": f"{nodes} node{'s' * (nodes > 1)} {PASSES[row['pass']]}, {size}",
            "nodes": nodes, "gpus_per_node": gpus, "documents": [total], "heads": heads,
            "kv_heads": int(row["kv_heads"]), "head_dim": int(row["head_dim"]),
            "mask": "causal" if causal else "full", "dtype": "bf16",
            "pass": PASSES[row["pass"]],
            "strategy": {"ulysses": 1, "context_parallel": ranks, "layout": LAYOUTS[row["impl"]],
                         "exchange": "ring"},
            "measured_s": float(row["ms"]) / 1e3}
        outlier = (row["gpu"], nodes, causal, row["pass"], heads, total, row["impl"]) == (
            "A800", 2, True, "fwd", 32, 524288, "zigzag")
        if outlier:
            case["note"] = "outlier: overlaps as no other run on two nodes, and takes half the time of its like"
        files[row["gpu"].lower()].append(case)
    for gpu, cases in sorted(files.items()):
        yield f"ring-runs-{gpu}", f"fit-{gpu}", "ring-flash-attention", cases, \
            f"{ULTRAATTN}: ring attention in PyTorch over all GPUs in rank order, slowest rank"


def kernels(tables):
    files = collections.defaultdict(list)
    for row in rows(tables, "flash_kernels.csv"):
        a, b = map(int, row["qkv_ratio"].split("/"))
        seq, heads = int(row["seq"]), int(row["heads"])
        causal = row["causal"] == "1"
        for column, name in (("fwd_us", "forward"), ("bwd_us", "backward")):
            query, key = seq * a, seq * b
            long = "2K tokens and more" if min(query, key) >= 2048 else "fewer than 2K tokens"
            files[row["gpu"]].append({
                "name": f"{tokens(query)} x {tokens(key)} {'causal' if causal else 'full'} x {heads}",
                "group": f"{name}, {heads} head{'s' * (heads > 1)}, {long}",
                "heads": heads, "head_dim": int(row["head_dim"]),
                "mask": "causal" if causal else "full", "pass": name,
                "kernel": {"query": query, "key": key}, "measured_s": float(row[column]) * 1e-6})
    for gpu, cluster in (("A800", "fit-a800"), ("H800", "fit-h800"), ("zhipu_hopper", "zhipu")):
        yield f"kernels-{cluster}", cluster, "ideal", files[gpu], \
            f"{ULTRAATTN}: FlashAttention-2 kernels on one GPU"


def dense_kernels(tables):
    """Kernels of MagiAttention's charts and of cuDNN's page: the library each cluster is fitted to."""
    flop = {"fwd": 4.0, "bwd": 10.0}
    for gpu, cluster, library in (("h100", "dgx-h100", "fa3"), ("b200", "gb200-nvl72", "sdpa")):
        cases = []
        for row in rows(tables, "attention_kernel_tflops.csv"):
            if (row["gpu"], row["kernel"]) != (gpu, library) or row["mask"] not in ("full", "causal"):
                continue
            seq = int(row["seq"])
            pairs = seq * seq if row["mask"] == "full" else seq * (seq + 1) / 2
            seconds = flop[row["pass"]] * pairs * 64 * 128 / (float(row["tflops(+-3)"]) * 1e12)
            cases.append({"name": f"{tokens(seq)} {row['mask']}", "group": PASSES[row["pass"]],
                          "heads": 64, "kv_heads": 8, "head_dim": 128, "mask": row["mask"],
                          "pass": PASSES[row["pass"]], "kernel": {"query": seq, "key": seq},
                          "measured_s": seconds})
        yield f"kernels-{cluster}", cluster, "ideal", cases, f"{MAGI}: {library}, 64/8 heads of 128"
    cases = []
    for row in rows(tables, "cudnn_attention_h200.csv"):
        seq = int(row["seq_len"])
        for name in ("fwd", "bwd"):
            for mask in ("causal", "full"):
                cases.append({"name": f"{tokens(seq)} {mask}", "group": PASSES[name], "heads": 64,
                              "kv_heads": 8, "head_dim": 128, "mask": mask, "pass": PASSES[name],
                              "kernel": {"query": seq, "key": seq},
                              "measured_s": float(row[f"{name}_{mask}_ms"]) / 1e3})
    yield "kernels-hgx-h200", "hgx-h200", "ideal", cases, \
        "NVIDIA/cudnn-frontend (MIT): cuDNN 9.19 attention on H200, 64/8 heads of 128, batch 1"


def transfers(tables):
    files = collections.defaultdict(list)
    for row in rows(tables, "p2p_patterns.csv"):
        cluster, shape = row["cluster"].rsplit("_", 1)
        nodes = int(shape.split("x")[0])
        pairs, size = json.loads(row["pattern"]), int(row["bytes"])
        module = row["module"] or "raw-nccl"
        side = "1 MB and more" if size >= 1e6 else "less than 1 MB"
        name = cluster.lower().replace("_", "-")
        files[name, module].append({
            "name": f"{pattern_name(pairs)} {size} bytes",
            "group": f"{nodes} node{'s' * (nodes > 1)}, {pattern_name(pairs)}, {side}",
            "nodes": nodes, "transfers": pairs, "bytes": size,
            "measured_s": float(row["time_s_100iters"]) / 100})
    for (cluster, module), cases in sorted(files.items()):
        runtime = UNGROUPED if module == "torch-distributed" else "ideal"
        yield f"transfers-{cluster}-{module}", cluster, runtime, cases, \
            f"{ULTRAATTN}: point-to-point transfers at once, {module}, mean of 100"


def pattern_name(pairs):
    if len(pairs) == 1:
        return "one pair"
    if sorted(map(tuple, pairs)) == sorted((b, a) for a, b in pairs):
        return f"{len(pairs) // 2} pair{'s' * (len(pairs) > 2)} both ways"
    return f"ring of {len(pairs)}, {abs(pairs[0][1] - pairs[0][0])} apart"


def ring_flash_attention(tables):
    cases = []
    for row in rows(tables, "ring_flash_attention_8gpu.csv"):
        if row["layout"] != "batch" or row["impl"] not in LAYOUTS:
            continue  # theoretic is no run; which documents the packed runs had is not told
        cases.append({"name": f"{row['impl']} {PASSES[row['pass']]}", "group": PASSES[row["pass"]],
                      "nodes": 1, "gpus_per_node": 8, "documents": [65536], "heads": 32,
                      "kv_heads": 8, "head_dim": 128, "mask": "causal", "dtype": "bf16",
                      "pass": PASSES[row["pass"]],
                      "strategy": {"ulysses": 1, "context_parallel": 8,
                                   "layout": LAYOUTS[row["impl"]], "exchange": "ring"},
                      "measured_s": 1 / float(row["iters_per_s"])})
    yield "ring-flash-attention-a100", "dgx-a100", "ring-flash-attention", cases, \
        "zhuzilin/ring-flash-attention: 8 A100, 8192 tokens a GPU, 32/8 heads of 128"


def ulysses_grid(tables):
    """A batch of 2 is put as twice the heads: the same bytes and FLOP for each split."""
    cases = []
    for row in rows(tables, "ulysses_ring_grid.csv"):
        ulysses, ring = int(row["ulysses"]), int(row["ring"])
        heads, batch, group = int(row["q_heads"]), int(row["batch"]), int(row["gqa_group"])
        seq = int(row["seq_global"])
        if row["ring_impl"] not in LAYOUTS or row["packing"] != "separate":
            continue  # packed q, k, v only saves a copy
        cases.append({
            "name": f"U{ulysses} ring {ring} {row['ring_impl']}",
            "group": f"{tokens(seq)}, {heads} heads of {row['head_dim']}, groups of {group}",
            "nodes": 1, "gpus_per_node": ulysses * ring, "documents": [seq],
            "heads": heads * batch, "kv_heads": heads * batch // group,
            "head_dim": int(row["head_dim"]), "mask": "causal", "dtype": "bf16", "pass": "forward",
            "strategy": {"ulysses": ulysses, "context_parallel": ring,
                         "layout": LAYOUTS[row["ring_impl"]], "exchange": "ring"},
            "measured_s": 1 / float(row["iters_per_s"])})
    yield "ulysses-ring-grid-a100", "dgx-a100", "yunchang", cases, \
        "feifeibear/long-context-attention: all Ulysses x ring splits on 8 A100, batch 2, forward"


# Partial dK and dV travel in the dtype of K in all of them: TransformerEngine's buffers are made like
# its keys (context_parallel.py), those of the source's own programs after it, too
# (exps/dist_attn/baselines), and MagiAttention reduces in high precision only when asked.
LOW = {"gradient_dtype": "bf16"}
METHODS = {
    "ulysses": lambda ranks: {"ulysses": ranks, "context_parallel": 1},
    "ring_p2p": lambda ranks: {"ulysses": 1, "context_parallel": ranks, "exchange": "ring",
                               "layout": "zigzag"} | LOW,
    "ring_ag": lambda ranks: {"ulysses": 1, "context_parallel": ranks, "exchange": "all_gather",
                              "layout": "zigzag"} | LOW,
    "usp": lambda ranks: {"ulysses": 8, "context_parallel": ranks // 8, "exchange": "ring",
                          "layout": "zigzag"} | LOW,
    "loongtrain": lambda ranks: {"ulysses": 8, "context_parallel": ranks // 8,
                                 "exchange": "double_ring", "layout": "zigzag"} | LOW,
    "magi_a2av": lambda ranks: {"ulysses": 1, "context_parallel": ranks, "exchange": "p2p",
                                "layout": "balanced"} | LOW,
    "magi_native": lambda ranks: {"ulysses": 1, "context_parallel": ranks,
                                  "exchange": "hierarchical", "layout": "balanced"} | LOW}


# MagiAttention keeps multiprocessors for its communication, merges inside its kernels and sends to all
# peers at once, as hsap's own executor does; the other methods run in TransformerEngine's manner.
RUNTIMES = {"magi_a2av": "hsap", "magi_native": "hsap"}


def methods(tables):
    """One document of the whole length: what the masks "full" and "causal" of the charts mean."""
    cases = []
    flop = {"fwd": 4.0, "bwd": 10.0}
    for row in rows(tables, "cp_methods_tflops.csv"):
        ranks = int(row["cp"])
        if row["system"] not in METHODS:
            continue
        total = ranks * int(row["seq_per_rank"])
        pairs = total * total if row["mask"] == "full" else total * (total + 1) / 2
        seconds = flop[row["pass"]] * pairs * 64 * 128 / ranks / (
            float(row["tflops_per_gpu(+-3)"]) * 1e12)
        cases.append({"name": f"{row['system']} x {ranks}",
                      "group": f"{ranks} GPUs {row['mask']} {PASSES[row['pass']]}",
                      "nodes": ranks // 8, "gpus_per_node": 8, "documents": [total], "heads": 64,
                      "kv_heads": 8, "head_dim": 128, "mask": row["mask"], "dtype": "bf16",
                      "pass": PASSES[row["pass"]], "strategy": METHODS[row["system"]](ranks),
                      "measured_s": seconds}
                     | ({"runtime": RUNTIMES[row["system"]]} if row["system"] in RUNTIMES else {}))
    yield "methods-h100", "dgx-h100", "transformer-engine", cases, \
        f"{MAGI}: context-parallel methods, 8K tokens a GPU, 64/8 heads of 128"


def collectives(tables):
    known = {"all_gather": "all_gather", "reduce_scatter": "reduce_scatter",
             "all_reduce": "all_reduce", "alltoall": "all_to_all"}

    def case(op, nodes, gpus, size, seconds, note=""):
        """A line of nccl-tests; its sendrecv is a ring of messages."""
        op = op.split()[0].removesuffix("_perf")
        side = "16 MB and more" if size >= 16e6 else "less than 16 MB"
        if "fabric/tuning effect" in note and nodes >= 8 or "mis-tuned" in note:
            side = f"at fault by its source, {side}"
        used = [8 * node + gpu for node in range(nodes) for gpu in range(gpus)]
        what = {"collective": known[op]} if op in known else \
            {"transfers": [list(pair) for pair in zip(used, used[1:] + used[:1])]}
        item = {"name": f"{known.get(op, op)} {nodes} x {gpus}, {size} bytes",
                "group": f"{known.get(op, op)}, {nodes} node{'s' * (nodes > 1)}, {side}",
                "nodes": nodes, "gpus_per_node": gpus, **what, "bytes": size,
                "measured_s": seconds}
        return item | ({"note": note} if note else {})

    def seconds_of(row):
        """By the clock, or of sendrecv, whose two bandwidths are one, from a rate of enough digits;
        0 where neither is given."""
        if row["time_us"]:
            return float(row["time_us"]) * 1e-6
        rate = float(row["algbw_GBps"] or row["busbw_GBps"] or 0)
        if rate < 1 or not row["op"].startswith("sendrecv"):
            return 0
        return float(f"{int(row['size_bytes']) / rate / 1e9:.6g}")

    def is_whole(row):
        """All-to-all and messages go anywhere; what NCCL calls a ring needs one GPU or whole nodes."""
        return row["nodes"] == "1" or row["gpus_per_node"] in ("1", "8") or \
            row["test"] in ("alltoall_perf", "sendrecv_perf")

    yield "collectives-hgx-h200", "hgx-h200", "nccl-tests", \
        [case(r["op"], 1, int(r["gpus"]), int(r["bytes"]), float(r["time_us"]) * 1e-6)
         for r in rows(tables, "nccl_h200_8gpu.csv")], \
        "hao-ai-lab/DistCA (Apache-2.0): NCCL on 2 to 8 H200"
    yield "collectives-dgx-h100", "dgx-h100", "nccl-tests", \
        [case(r["test"], int(r["nodes"]), int(r["gpus_per_node"]), int(r["size_bytes"]),
              float(r["time_us_median"]) * 1e-6)
         for r in rows(tables, "nccl_h100_nodes.csv") if is_whole(r)], \
        "xxrjun/nccl-tests-cluster (Apache-2.0): nccl-tests on H100, medians over many logs"
    public = (
        ("h100", "dgx-h100", ("Azure ND H100 v5", "Dell XE9680 8xH100, NCCL 2.26.2", "8xH100 HGX"),
         "public nccl-tests tables: Azure ND H100 v5, Dell XE9680 and an HGX H100"),
        ("h200", "hgx-h200", ("Supermicro 8xH200",), "public nccl-tests tables: Supermicro 8 H200"),
        ("a100", "dgx-a100", ("8xA100",), "public nccl-tests tables: 8 A100"),
        ("b200-network", "dgx-b200", ("8xB200",),
         "Together B200 report, NCCL 2.29.7: rings over nodes of 8 B200 with a NIC of 400 Gbit/s "
         "beside each, which is what limits them"))
    for name, cluster, boxes, source in public:
        yield f"collectives-{name}-public", cluster, "nccl-tests", \
            [case(r["op"], int(r["nodes"]), int(r["gpus_per_node"]), int(r["size_bytes"]),
                  seconds_of(r), r["note"])
             for r in rows(tables, "nccl_misc_tables.csv")
             if r["box"] in boxes and r["size_bytes"] and seconds_of(r)], source


# Long Sequence Performance of NVIDIA NeMo: the columns with context parallelism. TFLOP/s a GPU count the
# attention of all pairs (nemo/utils/flops_formulas.py), so seconds follow. Its GPUs are TP x DP x CP
# here: the table of B200 says four times as many, of which its own batches could not use all.
NEMO = "NVIDIA/NeMo (Apache-2.0), docs/source/performance/performance_long_sequence.md"
LONG_SEQUENCES = (
    # name, cluster, model, (layers, hidden, intermediate, kv share, vocabulary), FP8 rate, source, rows
    ("dgx-b200", "dgx-b200", "llama3-8b", (32, 4096, 14336, 1 / 4, 128256), 1.94e15,
     f"{NEMO}: Llama 3 8B with matrix products in FP8 on DGX B200, NeMo 25.04",
     # thousands of tokens, batches a step, TP, DP, CP, TFLOP/s a GPU
     ((8, 512, 1, 2, 1, 1671), (16, 256, 1, 4, 1, 1717), (32, 128, 1, 4, 2, 1624),
      (64, 64, 1, 4, 4, 1600), (128, 32, 2, 4, 4, 1588), (256, 16, 4, 4, 4, 1590),
      (512, 8, 4, 4, 8, 1619), (1024, 4, 4, 4, 16, 1608))),
    ("dgx-h100", "dgx-h100", "llama2-7b", (32, 4096, 11008, 1, 32000), 0.9e15,
     f"{NEMO}: Llama 2 7B with matrix products in FP8 on DGX H100, NeMo 24.03",
     # The row of 8K is pipeline parallel.
     ((4, 1024, 1, 4, 1, 768), (16, 256, 2, 8, 1, 660), (32, 128, 2, 8, 2, 610),
      (64, 64, 4, 8, 2, 574), (128, 32, 4, 8, 4, 555), (256, 16, 4, 8, 8, 549),
      (512, 8, 8, 4, 16, 549), (1024, 4, 8, 4, 32, 536))))


def training_steps(_):
    """Whole optimizer steps. The rate of FP8 products is fitted to the shortest row of each table."""
    for name, cluster, model, shape, rate, source, table in LONG_SEQUENCES:
        layers, hidden, intermediate, kv_share, vocabulary = shape
        cases = []
        for thousands, batches, tp, dp, cp, teraflops in table:
            length, gpus = thousands * 1024, tp * dp * cp
            flop = batches * length * (
                layers * hidden * (12 * hidden * (1 + kv_share) + 18 * intermediate + 12 * length)
                + 6 * hidden * vocabulary)
            cases.append({
                "name": f"{thousands}K, TP {tp} CP {cp}",
                "group": "steps, FP8 rate fitted to this" if not cases else "steps",
                "nodes": max(1, gpus // 8), "gpus_per_node": min(8, gpus), "documents": [length],
                "mask": "causal", "training": {"tensor_parallel": tp, "global_batch": batches},
                "strategy": {"ulysses": 1, "context_parallel": cp, "layout": "zigzag",
                             "exchange": "ring"} | LOW,
                "measured_s": float(f"{flop / gpus / teraflops / 1e12:.4g}")})
        yield f"steps-{name}", cluster, "transformer-engine", cases, source, {
            "model": model, "calibration": {"device.matmul_flop_per_s": rate}}


# Short sequences over pipelines: NVIDIA's recipes for Megatron, in each container the same; and PyTorch's on GPUs
# of 500 W whose memory moves 2.4 TB/s, with FlashAttention-2.
BRIDGE = "NVIDIA-NeMo/Megatron-Bridge (Apache-2.0), docs/performance-summary-archive.md: Llama 3 with matrix " \
    "products in FP8 on"
TITAN = "pytorch/torchtitan (BSD-3), benchmarks/llama3_h100_202412_torchtitan.md: Llama 3.1 with matrix " \
    "products in FP8 on H100, December 2024"
PIPELINES = (
    # name, cluster, source, FP8 rate, overlap of tensor parallelism, FlashAttention-2 and other memory, ZeRO
    # and checkpointing, gradients, rows
    ("dgx-h100-pipelines", "dgx-h100", f"{BRIDGE} DGX H100", 1.025e15, 0.5, {}, (1, "none", "bf16"), (
        # group, name, model, GPUs, batches a step, tokens, sequences a batch, TP, PP, pieces a stage, CP,
        # parameters sharded, tokens/s a GPU, overlapped
        ("8B, FP8 rate fitted to this", "25.11", "llama3-8b", 8, 128, 8192, 1, 1, 1, 1, 1, True, 14451, True),
        ("8B, other containers", "25.09", "llama3-8b", 8, 128, 8192, 1, 1, 1, 1, 1, True, 14079, True),
        ("70B, overlap fitted to this", "25.11", "llama3-70b", 64, 128, 8192, 1, 4, 8, 5, 1, False, 1602, True),
        ("70B, other containers", "25.09", "llama3-70b", 64, 128, 8192, 1, 4, 8, 5, 1, False, 1619, True),
        ("70B, other containers", "26.02", "llama3-70b", 64, 256, 8192, 1, 4, 8, 5, 1, False, 1621, True),
        ("70B, other containers", "26.04", "llama3-70b", 64, 256, 8192, 1, 4, 8, 5, 1, False, 1633, True),
        ("70B, other containers", "26.04.01", "llama3-70b", 64, 256, 8192, 1, 4, 8, 5, 1, False, 1664, True),
        ("405B", "25.11", "llama3-405b", 1024, 512, 8192, 1, 8, 8, 8, 2, False, 292, True),
        ("405B", "25.09", "llama3-405b", 1024, 512, 8192, 1, 8, 8, 8, 2, False, 302, True),
        ("405B", "26.02", "llama3-405b", 1024, 1536, 8192, 1, 8, 8, 8, 2, False, 311, True),
        ("405B", "26.04.01", "llama3-405b", 1024, 1536, 8192, 1, 8, 8, 8, 2, False, 328, True),
        ("405B", "26.06", "llama3-405b", 1024, 1536, 8192, 1, 8, 8, 8, 2, False, 326, True))),
    ("dgx-b200-pipelines", "dgx-b200", f"{BRIDGE} DGX B200", 2.04e15, 0.5, {}, (1, "none", "bf16"), (
        ("8B, FP8 rate fitted to this", "25.11", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 30624, True),
        ("8B, other containers", "25.09", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 29994, True),
        ("405B", "25.11", "llama3-405b", 128, 64, 8192, 1, 4, 8, 8, 2, False, 661, True),
        ("405B", "25.09", "llama3-405b", 128, 64, 8192, 1, 4, 8, 8, 2, False, 664, True))),
    ("gb200-pipelines", "gb200-nvl72", f"{BRIDGE} GB200", 2.12e15, 0.5, {}, (1, "none", "bf16"), (
        ("8B, FP8 rate fitted to this", "25.11", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 31508, True),
        ("8B, other containers", "25.09", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 31357, True),
        ("70B", "25.09", "llama3-70b", 64, 64, 8192, 2, 2, 4, 5, 1, False, 3546, True),
        ("70B", "25.11", "llama3-70b", 64, 128, 8192, 2, 1, 1, 1, 1, True, 4312, True),
        ("405B", "25.09", "llama3-405b", 128, 64, 8192, 1, 4, 8, 8, 2, False, 578, True),
        ("405B", "25.11", "llama3-405b", 256, 1536, 8192, 1, 4, 16, 4, 1, False, 813, True))),
    ("torchtitan-h100", "dgx-h100", TITAN, 0.89e15, 0.27, {"device.memory_bandwidth_bytes_per_s": 2.15e12},
     (1, "full", "fp32"), (
        ("70B, FP8 rate fitted to this", "70B", "llama3-70b", 256, 32, 8192, 16, 8, 1, 1, 1, True, 829, False),
        ("70B, overlap fitted to this", "70B async", "llama3-70b", 256, 32, 8192, 16, 8, 1, 1, 1, True, 876, True),
        ("405B", "405B 1F1B", "llama3-405b", 512, 64, 8192, 4, 8, 8, 1, 1, False, 100, True),
        ("405B", "405B interleaved", "llama3-405b", 512, 64, 8192, 4, 8, 8, 2, 1, False, 128, True),
        ("405B", "405B 32K", "llama3-405b", 512, 64, 32768, 1, 8, 8, 1, 1, False, 76, True))),
)


def flash_attention_2():
    """The kernels of the cluster whose runs measured them."""
    device = json.loads((ROOT / "topologies" / "fit-h800.json").read_text(encoding="utf-8"))["device"]
    return {f"device.{kernel}.{key}": value for kernel in ("forward", "backward")
            for key, value in device[kernel].items()
            if not isinstance(value, bool) and key != "ragged_slowdown"}


def pipelined_steps(_):
    """Steps over pipeline stages, and without ones for what is fitted."""
    for name, cluster, source, rate, overlap, device, (zero, checkpointing, gradients), table in PIPELINES:
        cases = []
        node = 64 if cluster == "gb200-nvl72" else 8
        for group, row, model, gpus, batches, length, sequences, tp, pp, pieces, cp, fsdp, speed, \
                hidden in table:
            cases.append({
                "name": row, "group": group, "nodes": gpus // min(gpus, node),
                "gpus_per_node": min(gpus, node), "model": model,
                "documents": [length] * sequences, "mask": "causal",
                "training": {"zero": 3 if fsdp else zero, "checkpointing": checkpointing,
                             "weight_gradients": gradients, "tensor_parallel": tp,
                             "pipeline_parallel": pp, "virtual_stages": pieces,
                             "global_batch": batches},
                "strategy": {"ulysses": 1, "context_parallel": cp, "layout": "zigzag",
                             "exchange": "ring"} | LOW,
                "measured_s": float(f"{batches * sequences * length / gpus / speed:.4g}")}
                | ({} if hidden else {"runtime": "transformer-engine"}))
        yield f"steps-{name}", cluster, "transformer-engine", cases, source, {
            "calibration": {"device.matmul_flop_per_s": rate,
                            "runtime.tensor_parallel_overlap": overlap} | device
            | (flash_attention_2() if device else {})}


def overlap_triples(tables):
    """What the plans do is not told: the whole is predicted from the times of its two parts."""
    cases = []
    for row in rows(tables, "overlap_triples.csv"):
        heads, total = int(row["heads"]), int(row["seq_total"])
        cases.append({"name": f"{PASSES[row['pass']]} {tokens(total)} x {heads} {row['plan']}",
                      "group": f"{PASSES[row['pass']]}, {heads} head{'s' * (heads > 1)}",
                      "nodes": int(row["nodes"]), "gpus_per_node": int(row["gpus_per_node"]),
                      "overlap": {"compute_s": float(row["compute_only_ms"]) / 1e3,
                                  "communication_s": float(row["comm_only_ms"]) / 1e3},
                      "measured_s": float(row["total_ms"]) / 1e3})
    yield "overlap-qiyuan", "qiyuan", "ideal", cases, \
        f"{ULTRAATTN}: plans timed whole, without communication and without computing; 4 nodes of 8"


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    tables = pathlib.Path(sys.argv[1])
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else \
        ROOT / "validate" / "cases"
    makers = (ring_runs, kernels, dense_kernels, transfers, ring_flash_attention, ulysses_grid,
              methods, collectives, overlap_triples, training_steps, pipelined_steps)
    for maker in makers:
        for name, cluster, runtime, cases, source, *more in maker(tables):
            lines = ",\n".join("    " + json.dumps(case) for case in cases)
            text = json.dumps({"schema": "hsap.cases/1", "source": source, "cluster": cluster,
                               "runtime": runtime} | (more[0] if more else {}), indent=2)
            text = text[:-2] + ',\n  "cases": [\n' + lines + "\n  ]\n}\n"
            (out / f"{name}.json").write_text(text, encoding="utf-8")
            print(f"{name}.json: {len(cases)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
