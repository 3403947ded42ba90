"""Small inputs in the formats that the programs write."""
import random

EXCHANGES = {"ring": "zigzag", "all_gather": "contiguous", "p2p": "balanced"}


def strategy(ulysses: int, context: int, exchange: str) -> dict:
    return {"ulysses": ulysses, "context_parallel": context, "order": "ulysses-inner",
            "layout": EXCHANGES[exchange], "exchange": exchange, "stages": 0,
            "gradient_dtype": "fp32"}


def documents(tokens: int, count: int, seed: int = 1) -> list[int]:
    """`count` lengths with a heavy tail and a sum of `tokens`."""
    draw = random.Random(seed)
    weights = [draw.paretovariate(0.9) for _ in range(count)]
    lengths = [1 + int((tokens - count) * weight / sum(weights)) for weight in weights]
    lengths[0] += tokens - sum(lengths)
    draw.shuffle(lengths)
    return lengths


def shards(tokens: int, count: int, kind: str) -> list:
    if kind == "striped":
        return [[[c, tokens - count + c + 1, count]] for c in range(count)]
    if kind == "contiguous":
        edges = [tokens * c // count for c in range(count + 1)]
        return [[[edges[c], edges[c + 1], 1]] for c in range(count)]
    edges = [tokens * c // (2 * count) for c in range(2 * count + 1)]
    pair = [(c, 2 * count - 1 - c) for c in range(count)]
    return [[[edges[i], edges[i + 1], 1] for i in chunks] for chunks in pair]


def layout(tokens: int, count: int, of_shards: int, kind: str = "zigzag") -> dict:
    """A causal "hsap.layout/1"."""
    lengths = documents(tokens, count)
    slices, begin = [], 0
    for length in lengths:
        slices.append([begin, begin + length, begin, begin + length, "causal"])
        begin += length
    return {"schema": "hsap.layout/1", "tokens": tokens, "documents": lengths, "mask": "causal",
            "slices": slices, "shards": shards(tokens, of_shards, kind)}


def timeline(ranks: int, per_node: int, steps: int = 8) -> dict:
    """A ring in which communication is slower than computing on odd ranks."""
    events = []
    for rank in range(ranks):
        node = rank // per_node
        for stream, name in enumerate(("compute", "keys")):
            events.append({"ph": "M", "name": "thread_name", "pid": node, "tid": 4 * rank + stream,
                           "args": {"name": f"rank {rank} {name}"}})
        now = 0.0
        for _ in range(steps):
            compute, keys = 100.0 + 3 * rank, 80.0 + 60 * (rank % 2)
            for stream, duration in ((0, compute), (1, keys)):
                events.append({"ph": "X", "name": "attend", "cat": "forward", "pid": node,
                               "tid": 4 * rank + stream, "ts": now, "dur": duration})
            now += max(compute, keys) + 5
    events.append({"ph": "C", "name": "link", "pid": 99, "tid": 0, "ts": 0, "args": {"GB/s": 1}})
    return {"displayTimeUnit": "ns", "otherData": {"ranks": ranks}, "traceEvents": events}


def search(gpus: int = 32) -> dict:
    candidates = []
    degrees = [1 << i for i in range(gpus.bit_length())]
    for number, exchange in enumerate(EXCHANGES):
        for u in degrees:
            for c in (c for c in degrees if u * c <= gpus):
                feasible = u <= 16 and (u, c) != (1, 1)
                pruned = "slower than the best by a bound" if c == 16 else None
                reason = pruned if feasible else "not enough memory"
                seconds = (2 + 0.3 * number + 0.2 * abs(u - 8) + 0.05 * c) * 32 / (u * c)
                candidates.append({
                    "strategy": strategy(u, c, exchange), "feasible": feasible,
                    "seconds": seconds if feasible else None,
                    "tokens_per_s": 262144 / seconds * gpus / (u * c) if feasible else None,
                    "peak_bytes": 5e10, "reason": reason})
    return {"schema": "hsap.search/1", "objective": "step_s", "candidates": candidates}


def plan() -> dict:
    step = {"seconds": 4.1, "tokens_per_s": 64000.0, "mfu": 0.41,
            "breakdown": {"attention_compute": 1.9, "attention_exposed_communication": 0.3,
                          "attention_idle": 0.1, "linear": 1.3, "recompute": 0.2,
                          "embedding_and_logits": 0.1, "tensor_parallel": 0.0,
                          "data_parallel": 0.1, "optimizer": 0.1}}
    others = [("ring", 1.15), ("all_gather", 1.3), ("p2p", 1.4)]
    slower = step["breakdown"] | {"attention_exposed_communication": 0.3 + 0.15 * 4.1,
                                  "attention_idle": 0.1 - 1e-17}
    return {"schema": "hsap.plan/1", "problem": {"model": {"name": "m", "layers": 32}},
            "training": {"zero": 1, "checkpointing": "selective"},
            "strategy": strategy(8, 4, "p2p"), "mesh": {"replicas": 1},
            "predicted": {"step": step, "bound": {"total_s": 0.055}},
            "runners_up": [{"strategy": strategy(4, 4, exchange), "replicas": 2,
                            "seconds": 2 * 4.1 * factor, "tokens_per_s": 64000 / factor,
                            "peak_bytes": 1} | (
                {"breakdown": {name: 2 * part for name, part in slower.items()}}
                if exchange == "ring" else {}) for exchange, factor in others]}


def prediction() -> dict:
    step = plan()["predicted"]["step"]
    return {"schema": "hsap.prediction/1", "strategy": strategy(8, 4, "p2p"),
            "batches": [{"step": step}, {"step": step}], "summary": {"mean": {"step": step}}}


def sweep() -> dict:
    other = prediction() | {"strategy": strategy(4, 2, "ring"), "replicas": 4}
    return {"schema": "hsap.sweep/1", "predictions": [prediction(), other], "illegal": []}


def validation() -> dict:
    links = {"local": 0, "node": 3_000_000, "network": 1_000_000}
    return {"schema": "hsap.validation/1", "strategy": "U2 C4 ulysses-inner zigzag ring",
            "ranks": 8, "tolerance": 1e-2, "right": True,
            "tensors": [{"tensor": name, "relative_error": error, "token": 3, "head": 1,
                         "document": 2, "rank": 5}
                        for name, error in (("o", 3e-3), ("lse", 0.0), ("dq", 4e-3))],
            "passes": [{"pass": name, "links": {
                key: {"predicted_bytes": size, "measured_bytes": size}
                for key, size in links.items()}} for name in ("forward", "backward")]}


def timed_validation(measured: bool = True) -> dict:
    """A run on GPUs: kernels predicted 10 % high, exchanges 20 % low, one that took no time."""
    def kind(name: str, first: int, factor: float) -> dict:
        seconds = [1e-5 * 2 ** i for i in range(6)] + [0.0]
        return {"kind": name, "predicted_s": 1.0, "measured_s": 1.0, "mean_error": 0.1,
                "mean_spread": 0.1,
                "operations": {"operation": list(range(first, first + 7)), "rank": [0] * 7,
                               "predicted_s": [factor * s for s in seconds],
                               "measured_s": [s if measured else 0.0 for s in seconds],
                               "spread_s": [0.02 * s for s in seconds]}}
    out = validation() | {"executor": "local", "where": "streams of one GPU",
                          "predicted_as": "each operation alone on one H100"}
    for each in out["passes"]:
        each["times"] = {"predicted_s": 1.1e-3, "measured_s": 1e-3, "spread_s": 1e-5, "repeats": 20,
                         "kinds": [kind("attend", 0, 1.1), kind("exchange", 7, 0.8)]}
    return out


def accuracy() -> dict:
    cases = [{"name": f"case {i}", "group": "g", "measured_s": 1e-4 * 2 ** i,
              "predicted_s": 1e-4 * 2 ** i * (1 + 0.01 * i)} for i in range(8)]
    names = ("kernels-a", "transfers-b", "collectives-c", "ring-runs-d", "ring-runs-e", "steps-f")
    peaks = [{"name": "peak", "group": "g", "measured_peak_bytes": 5e10 + 1e9 * i,
              "predicted_peak_bytes": 5e10} for i in range(3)]
    return {"schema": "hsap.accuracy/1",
            "files": [{"file": f"validate/cases/{name}.json", "cases": cases} for name in names]
            + [{"file": "validate/cases/memory-g.json", "cases": peaks}]}


def calibration(groups: int = 3) -> dict:
    """Kernels and links whose fits are 10 % high and 5 % low."""
    rows = [{"kind": kind, "group": f"{kind} {group}", "row": f"row {at}", "size": 2048 << at,
             "measured_s": 1e-5 * (group + 1) * 2 ** at,
             "fitted_s": error * 1e-5 * (group + 1) * 2 ** at}
            for kind, error in (("kernels", 1.1), ("links", 0.95))
            for group in range(groups) for at in range(5)]
    return {"schema": "hsap.calibration/1", "base": "dgx-h100", "nodes": 2, "undetermined": [],
            "groups": [], "numbers": [{"path": "nvlink.latency_s", "before": 1, "fitted": 2}],
            "rows": rows, "cluster": {"name": "mine"}}


def methods() -> dict:
    """Two scenes; Ulysses has no room for the longer context in the second."""
    scenes = [{"name": name, "points": [
        {"method": method, "context": context, "tokens_per_s": 1e5 * (place + 1),
         "fits": (name, method, context) != ("one document", "Ulysses", 65536)}
        for place, method in enumerate(("Ulysses", "best plan")) for context in (65536, 32768)]}
        for name in ("packed", "one document")]
    return {"schema": "hsap.methods/1", "scenes": scenes}


def speed() -> dict:
    """One scenario in two tools; the second goes beyond its limits at 256 ranks."""
    rows = [{"scenario": "ring pass", "tool": tool, "ranks": ranks, "outcome": "done",
             "prepare_s": 0.25, "run_s": 1e-4 * ranks * slower, "peak_bytes": 1 << 24,
             "simulated_s": 0.1}
            for tool, slower in (("hsap", 1), ("SimGrid", 3)) for ranks in (64, 128)]
    rows.append({"scenario": "ring pass", "tool": "SimGrid", "ranks": 256, "outcome": "too slow"})
    return {"schema": "hsap.speed/1", "rows": rows}
