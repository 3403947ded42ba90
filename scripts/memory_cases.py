"""Published peak memory of training steps, for make_cases.py."""
from step_cases import LOW, TITAN

GIB = 1 << 30

# PyTorch's FSDP with gradients in fp32, full checkpointing and its own loss functions; memory is what its
# allocator has reserved on the fullest GPU. Gathered keys: what its context parallelism did then.
TITAN_ROWS = (
    # group, name, model, GPUs, batches a step, tokens, sequences a batch, ZeRO, TP, PP, pieces a stage, CP, GiB
    ("8B, ring of 1 to 8", "32K, CP 1", "llama3-8b", 8, 8, 32768, 1, 3, 1, 1, 1, 1, 83.9),
    ("8B, ring of 1 to 8", "64K, CP 2", "llama3-8b", 8, 4, 65536, 1, 3, 1, 1, 1, 2, 84.2),
    ("8B, ring of 1 to 8", "128K, CP 4", "llama3-8b", 8, 2, 131072, 1, 3, 1, 1, 1, 4, 84.0),
    ("8B, ring of 1 to 8", "256K, CP 8", "llama3-8b", 8, 1, 262144, 1, 3, 1, 1, 1, 8, 84.5),
    ("70B, TP 8", "70B", "llama3-70b", 256, 32, 8192, 16, 3, 8, 1, 1, 1, 71.9),
    ("70B, TP 8", "70B async", "llama3-70b", 256, 32, 8192, 16, 3, 8, 1, 1, 1, 67.6),
    ("405B, TP 8, 8 stages", "1F1B", "llama3-405b", 512, 64, 8192, 4, 1, 8, 8, 1, 1, 82.5),
    ("405B, TP 8, 8 stages", "interleaved", "llama3-405b", 512, 64, 8192, 4, 1, 8, 8, 2, 1, 72.7),
    ("405B, TP 8, 8 stages", "32K, CP 1", "llama3-405b", 512, 64, 32768, 1, 1, 8, 8, 1, 1, 75.3),
    ("405B, TP 8, 8 stages", "64K, CP 2", "llama3-405b", 512, 32, 65536, 1, 1, 8, 8, 1, 2, 75.9),
    ("405B, TP 8, 8 stages", "128K, CP 4", "llama3-405b", 512, 16, 131072, 1, 1, 8, 8, 1, 4, 77.1),
    ("405B, TP 8, 8 stages", "256K, CP 8", "llama3-405b", 512, 8, 262144, 1, 1, 8, 8, 1, 8, 84.9))

# Its "GB" are GiB: 16 bytes for each of 4.02e9 parameters and 16.4 GB of logits and inputs of layers are the
# 76.4 of one GPU (so its optimizer was not on the CPU, as the text says).
# Qwen3-8B is the recipe of steps-trl-h100.
TRL_MEMORY = "huggingface/blog, ulysses-sp.md (March 2026): Qwen3-4B in TRL with DeepSpeed's ZeRO-3 and Ulysses on " \
    "H100; huggingface/trl (Apache-2.0), long context guide: Qwen3-8B with FSDP; peak memory of a GPU"
ULYSSES_ROWS = ((1, 8192, 76.4), (4, 8192, 23.4), (4, 32768, 35.0), (4, 65536, 50.5), (4, 98304, 66.0))


def memory_case(name, group, gpus, model, documents, strategy, training, gib, note=""):
    """A step on GPUs that fill nodes of eight."""
    case = {"name": name, "group": group, "nodes": max(1, gpus // 8), "gpus_per_node": min(8, gpus),
            "model": model, "documents": documents, "mask": "causal", "training": training,
            "strategy": strategy | LOW, "measured_peak_bytes": round(gib * GIB)}
    return case | ({"note": note} if note else {})


def memory(_):
    """Peak memory."""
    cases = []
    for group, name, model, gpus, batches, length, sequences, zero, tp, pp, pieces, cp, gib in TITAN_ROWS:
        cases.append(memory_case(
            name, group, gpus, model, [length] * sequences,
            {"ulysses": 1, "context_parallel": cp, "layout": "zigzag", "exchange": "all_gather"},
            {"zero": zero, "checkpointing": "full", "matmul": "fp8", "loss": "plain",
             "weight_gradients": "fp32", "tensor_parallel": tp, "pipeline_parallel": pp,
             "virtual_stages": pieces, "global_batch": batches}, gib))
    yield "memory-torchtitan-h100", "dgx-h100", "transformer-engine", cases, \
        f"{TITAN}; memory that PyTorch's allocator reserved on the fullest GPU"
    cases = [memory_case(
        f"{length // 1024}K, U {gpus}", "Qwen3-4B", gpus, "qwen3-4b", [length],
        {"ulysses": gpus, "context_parallel": 1, "layout": "contiguous"},
        {"zero": 3, "checkpointing": "full", "loss": "plain", "global_batch": 8}, gib)
        for gpus, length, gib in ULYSSES_ROWS]
    cases.append(memory_case(
        "1M, C 8, offloaded", "Qwen3-8B", 8, "qwen3-8b", [1 << 20],
        {"ulysses": 1, "context_parallel": 8, "layout": "zigzag"},
        {"zero": 3, "checkpointing": "full", "offload": "activations", "loss_chunks": 512}, 56.2))
    yield "memory-trl-h100", "dgx-h100", "yunchang", cases, TRL_MEMORY
