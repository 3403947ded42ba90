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

from memory_cases import memory
from step_cases import LOW, expert_steps, offloaded_steps, pipelined_steps, training_steps

ULTRAATTN = "oliverYoung2001/UltraAttn (Apache-2.0)"
MAGI = "SandAI-org/MagiAttention (Apache-2.0), read off charts to about 3 TFLOP/s"
LAYOUTS = {"ring": "contiguous", "zigzag": "zigzag", "stripe": "striped", "basic": "contiguous"}
CALIBRATION = pathlib.Path(__file__).resolve().parents[1] / "topologies" / "calibration"
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


def packed_kernels(_):
    """Equal documents in one kernel, from the table that ships; documents of less than a tile and more."""
    with open(CALIBRATION / "h100-packed-kernels.csv", encoding="utf-8") as file:
        table = list(csv.DictReader(line for line in file if not line.startswith("#")))
    cases = []
    for row in table:
        queries, keys, seconds = int(row["q_len"]), int(row["kv_len"]), float(row["us"]) * 1e-6
        query = int(row["document"]) or queries
        documents = queries // query
        key = keys // documents
        size = "fewer than 128" if query < 128 else "128 to 1K" if query < 2048 else "2K and more"
        group = f"{'whole documents' if query == key else 'ends of documents'}, {size} queries"
        cases.append({"name": f"{documents} of {tokens(query)} x {tokens(key)} x {row['heads']}",
                      "group": "under 0.5 ms" if seconds < 5e-4 else group,
                      "heads": int(row["heads"]), "head_dim": 128, "mask": "causal",
                      "pass": "forward", "measured_s": seconds,
                      "kernel": {"query": query, "key": key, "documents": documents}})
    yield "kernels-h100-packed", "fit-h800", "ideal", cases, \
        "hao-ai-lab/DistCA (Apache-2.0): FlashAttention-2, packed documents on one H100, for which " \
        "H800's numbers stand"


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
    """Rings over one document, and the packed batches that benchmark_varlen_kvpacked_func.py takes in turn.

    Its plain packed ring, which cuts every document into contiguous parts, is no layout of ours.
    """
    packed = [[65536], [2048, 59136, 4352], [32768, 32768], [24832, 25600, 12800, 1280, 1024]]
    runs = {("batch", "ring"): ("contiguous", "ring"), ("batch", "zigzag"): ("zigzag", "ring"),
            ("batch", "stripe"): ("striped", "ring"),
            ("varlen", "zigzag"): ("per_document_zigzag", "ring"),
            ("varlen", "llama3"): ("contiguous", "all_gather")}
    cases = []
    for row in rows(tables, "ring_flash_attention_8gpu.csv"):
        if (row["layout"], row["impl"]) not in runs:
            continue  # theoretic is no run
        layout, exchange = runs[row["layout"], row["impl"]]
        of = {"documents": [65536]}
        if row["layout"] == "varlen":
            of = {"batches": [{"documents": documents} for documents in packed]}
        kind = "packed, " if row["layout"] == "varlen" else ""
        cases.append({"name": f"{row['impl']} {kind}{PASSES[row['pass']]}",
                      "group": kind + PASSES[row["pass"]], "nodes": 1, "gpus_per_node": 8} | of |
                     {"heads": 32, "kv_heads": 8, "head_dim": 128, "mask": "causal",
                      "dtype": "bf16", "pass": PASSES[row["pass"]],
                      "strategy": {"ulysses": 1, "context_parallel": 8, "layout": layout,
                                   "exchange": exchange},
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
        pathlib.Path(__file__).resolve().parents[1] / "validate" / "cases"
    makers = (ring_runs, kernels, dense_kernels, packed_kernels, transfers, ring_flash_attention, ulysses_grid,
              methods, collectives, overlap_triples, training_steps, expert_steps, pipelined_steps,
              offloaded_steps, memory)
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
