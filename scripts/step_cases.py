"""Published optimizer steps of whole models, for make_cases.py."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Partial dK and dV travel in the dtype of K in all of them: TransformerEngine's buffers are made like
# its keys (context_parallel.py), those of the source's own programs after it, too
# (exps/dist_attn/baselines), and MagiAttention reduces in high precision only when asked.
LOW = {"gradient_dtype": "bf16"}
FP8_RATE = "device.matmul_fp8_flop_per_s"


def step_case(name, group, gpus, node, own, documents, cp, training, seconds):
    """A step on GPUs that fill their nodes, whose context parallelism is a zigzag ring."""
    return {"name": name, "group": group, "nodes": max(1, gpus // node),
            "gpus_per_node": min(node, gpus)} | own | {
                "documents": documents, "mask": "causal", "training": training,
                "strategy": {"ulysses": 1, "context_parallel": cp, "layout": "zigzag",
                             "exchange": "ring"} | LOW,
                "measured_s": float(f"{seconds:.4g}")}


# Long Sequence Performance of NVIDIA NeMo: the columns with context parallelism. TFLOP/s a GPU count the
# attention of all pairs (nemo/utils/flops_formulas.py), so seconds follow. Its GPUs are TP x DP x CP
# here: the table of B200 says four times as many, of which its own batches could not use all.
NEMO = "NVIDIA/NeMo (Apache-2.0), docs/source/performance/performance_long_sequence.md"
LONG_SEQUENCES = (
    # name, cluster, model, (layers, hidden, intermediate, kv share, vocabulary), FP8 rate, source, rows
    ("dgx-b200", "dgx-b200", "llama3-8b", (32, 4096, 14336, 1 / 4, 128256), 2.22e15,
     f"{NEMO}: Llama 3 8B with matrix products in FP8 on DGX B200, NeMo 25.04",
     # thousands of tokens, batches a step, TP, DP, CP, TFLOP/s a GPU
     ((8, 512, 1, 2, 1, 1671), (16, 256, 1, 4, 1, 1717), (32, 128, 1, 4, 2, 1624),
      (64, 64, 1, 4, 4, 1600), (128, 32, 2, 4, 4, 1588), (256, 16, 4, 4, 4, 1590),
      (512, 8, 4, 4, 8, 1619), (1024, 4, 4, 4, 16, 1608))),
    ("dgx-h100", "dgx-h100", "llama2-7b", (32, 4096, 11008, 1, 32000), 1.03e15,
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
            cases.append(step_case(
                f"{thousands}K, TP {tp} CP {cp}",
                "steps" if cases else "steps, FP8 rate fitted to this", gpus, 8, {}, [length], cp,
                {"matmul": "fp8", "tensor_parallel": tp, "global_batch": batches}, flop / gpus / teraflops / 1e12))
        yield f"steps-{name}", cluster, "transformer-engine", cases, source, {
            "model": model, "calibration": {FP8_RATE: rate}}


# Short sequences over pipelines: NVIDIA's recipes for Megatron, in each container the same; and PyTorch's on GPUs
# of 500 W whose memory moves 2.4 TB/s, with FlashAttention-2.
BRIDGE = "NVIDIA-NeMo/Megatron-Bridge (Apache-2.0), docs/performance-summary-archive.md: Llama 3 with matrix " \
    "products in FP8 on"
TITAN = "pytorch/torchtitan (BSD-3), benchmarks/llama3_h100_202412_torchtitan.md: Llama 3.1 with matrix " \
    "products in FP8 on H100, December 2024"
PIPELINES = (
    # name, cluster, source, FP8 rate, overlap of tensor parallelism, FlashAttention-2 and other memory, ZeRO
    # and checkpointing, gradients, rows
    ("dgx-h100-pipelines", "dgx-h100", f"{BRIDGE} DGX H100", None, 0.25, {}, (1, "none", "bf16"), (
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
    ("dgx-b200-pipelines", "dgx-b200", f"{BRIDGE} DGX B200", None, 0.25, {}, (1, "none", "bf16"), (
        ("8B, FP8 rate fitted to this", "25.11", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 30624, True),
        ("8B, other containers", "25.09", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 29994, True),
        ("405B", "25.11", "llama3-405b", 128, 64, 8192, 1, 4, 8, 8, 2, False, 661, True),
        ("405B", "25.09", "llama3-405b", 128, 64, 8192, 1, 4, 8, 8, 2, False, 664, True))),
    ("gb200-pipelines", "gb200-nvl72", f"{BRIDGE} GB200", None, 0.25, {}, (1, "none", "bf16"), (
        ("8B, FP8 rate fitted to this", "25.11", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 31508, True),
        ("8B, other containers", "25.09", "llama3-8b", 8, 64, 8192, 2, 1, 1, 1, 1, False, 31357, True),
        ("70B", "25.09", "llama3-70b", 64, 64, 8192, 2, 2, 4, 5, 1, False, 3546, True),
        ("70B", "25.11", "llama3-70b", 64, 128, 8192, 2, 1, 1, 1, 1, True, 4312, True),
        ("70B", "26.02", "llama3-70b", 64, 128, 8192, 2, 1, 1, 1, 1, True, 4040, True),
        ("70B", "26.02.01", "llama3-70b", 64, 128, 8192, 2, 1, 1, 1, 1, True, 4357, True),
        ("70B", "26.04", "llama3-70b", 64, 128, 8192, 2, 1, 1, 1, 1, True, 4143, True),
        ("70B", "26.04.01", "llama3-70b", 64, 128, 8192, 2, 1, 1, 1, 1, True, 4224, True),
        ("405B", "25.09", "llama3-405b", 128, 64, 8192, 1, 4, 8, 8, 2, False, 578, True),
        ("405B", "25.11", "llama3-405b", 256, 1536, 8192, 1, 4, 16, 4, 1, False, 813, True),
        ("405B", "26.02", "llama3-405b", 256, 1536, 8192, 1, 4, 16, 4, 1, False, 793, True),
        ("405B", "26.02.01", "llama3-405b", 256, 1536, 8192, 1, 4, 16, 4, 1, False, 818, True),
        ("405B", "26.04", "llama3-405b", 256, 1536, 8192, 1, 4, 16, 4, 1, False, 842, True),
        ("405B", "26.04.01", "llama3-405b", 256, 1536, 8192, 1, 4, 16, 4, 1, False, 864, True),
        ("405B", "26.06", "llama3-405b", 256, 1536, 8192, 1, 4, 16, 4, 1, False, 843, True))),
    ("torchtitan-h100", "dgx-h100", TITAN, 0.82e15, 0.27, {"device.memory_bandwidth_bytes_per_s": 2.15e12},
     (1, "full", "fp32"), (
        ("70B, FP8 rate fitted to this", "70B", "llama3-70b", 256, 32, 8192, 16, 8, 1, 1, 1, True, 829, False),
        ("70B, overlap fitted to this", "70B async", "llama3-70b", 256, 32, 8192, 16, 8, 1, 1, 1, True, 876, True),
        ("405B", "405B 1F1B", "llama3-405b", 512, 64, 8192, 4, 8, 8, 1, 1, False, 100, True),
        ("405B", "405B interleaved", "llama3-405b", 512, 64, 8192, 4, 8, 8, 2, 1, False, 128, True),
        ("405B", "405B 32K", "llama3-405b", 512, 64, 32768, 1, 8, 8, 1, 1, False, 76, True),
        # PyTorch's context parallelism shares tokens out as zigzag does, unless told otherwise.
        ("8B, ring of 1 to 8", "8B 32K", "llama3-8b", 8, 8, 32768, 1, 1, 1, 1, 1, True, 3890, True),
        ("8B, ring of 1 to 8", "8B 64K", "llama3-8b", 8, 4, 65536, 1, 1, 1, 1, 2, True, 2540, True),
        ("8B, ring of 1 to 8", "8B 128K", "llama3-8b", 8, 2, 131072, 1, 1, 1, 1, 4, True, 1071, True),
        ("8B, ring of 1 to 8", "8B 256K", "llama3-8b", 8, 1, 262144, 1, 1, 1, 1, 8, True, 548, True),
        ("405B, ring of 2 to 8", "405B 64K", "llama3-405b", 512, 32, 65536, 1, 8, 8, 1, 2, False, 47, True),
        ("405B, ring of 2 to 8", "405B 128K", "llama3-405b", 512, 16, 131072, 1, 8, 8, 1, 4, False, 31, True),
        ("405B, ring of 2 to 8", "405B 256K", "llama3-405b", 512, 8, 262144, 1, 8, 8, 1, 8, False, 16, True))),
)


def flash_attention_2():
    """The kernels of the cluster whose runs measured them."""
    device = json.loads((ROOT / "topologies" / "fit-h800.json").read_text(encoding="utf-8"))["device"]
    return {f"device.{kernel}.{key}": value for kernel in ("forward", "backward")
            for key, value in device[kernel].items()
            if not isinstance(value, bool) and key not in ("ragged_slowdown", "overhead_row_share")}


def pipelined_steps(_):
    """Steps over pipeline stages, and without ones for what is fitted."""
    for name, cluster, source, rate, overlap, device, (zero, checkpointing, gradients), table in PIPELINES:
        cases = []
        node = 64 if cluster == "gb200-nvl72" else 8
        for group, row, model, gpus, batches, length, sequences, tp, pp, pieces, cp, fsdp, speed, \
                hidden in table:
            case = step_case(
                row, group, gpus, node, {"model": model}, [length] * sequences, cp,
                {"zero": 3 if fsdp else zero, "checkpointing": checkpointing, "matmul": "fp8",
                 "weight_gradients": gradients, "tensor_parallel": tp, "pipeline_parallel": pp,
                 "virtual_stages": pieces, "global_batch": batches},
                batches * sequences * length / gpus / speed)
            cases.append(case | ({} if hidden else {"runtime": "transformer-engine"}))
        yield f"steps-{name}", cluster, "transformer-engine", cases, source, {
            "calibration": ({FP8_RATE: rate} if rate else {})
            | {"runtime.tensor_parallel_overlap": overlap} | device
            | (flash_attention_2() if device else {})}


# Layers' inputs in the memory of the host, a loss in chunks of 256 tokens: TRL's recipe for one sequence a
# step, context parallelism of PyTorch over all GPUs; the last three with an offload of its author's own.
TRL = "huggingface/trl (Apache-2.0), long context guide and pull request 6845 (August 2026): Qwen3-8B in bf16, one " \
    "sequence over all GPUs, activations offloaded"
TRL_ROWS = (("recipe", 8, 380.0), ("own offload", 8, 364.0), ("own offload", 16, 696.0), ("own offload", 32, 1346.0))


def offloaded_steps(_):
    """Steps of long sequences whose activations wait in the host's memory."""
    cases = [step_case(
        f"{gpus // 8}M", group, gpus, 8, {}, [gpus * 131072], gpus,
        {"zero": 3, "checkpointing": "full", "offload": "activations", "loss_chunks": 512, "global_batch": 1},
        seconds) for group, gpus, seconds in TRL_ROWS]
    yield "steps-trl-h100", "dgx-h100", "transformer-engine", cases, TRL, {"model": "qwen3-8b"}


# Experts on several GPUs, each with as many tokens: NVIDIA's recipes that drop none, at the rates and overlap
# of the dense models above.
SLOW = "1.8 times as slow as in 26.02.01, with the same options"
EXPERTS = (
    # cluster, its name there, rows: group, name, model, GPUs, batches a step, sequences a batch, TP, PP,
    # pieces a stage, EP, tokens/s a GPU, note
    ("dgx-h100", "DGX H100", (
        ("30B, experts over two nodes", "26.04", "qwen3-30b-a3b", 16, 1024, 1, 1, 1, 1, 16, 8901, ""),
        ("30B, experts over two nodes", "26.04.01", "qwen3-30b-a3b", 16, 1024, 1, 1, 1, 1, 16, 8960, ""),
        ("30B, experts over two nodes", "26.06", "qwen3-30b-a3b", 16, 1024, 1, 1, 1, 1, 16, 8826, ""),
        ("30B, experts inside a node", "25.11", "qwen3-30b-a3b", 16, 256, 2, 1, 2, 24, 8, 5275, SLOW),
        ("30B, experts inside a node", "26.02", "qwen3-30b-a3b", 16, 1024, 1, 1, 2, 12, 8, 5113, SLOW),
        ("30B, experts inside a node", "26.02.01", "qwen3-30b-a3b", 16, 1024, 1, 1, 2, 12, 8, 9058, ""),
        ("235B, experts over four nodes", "25.11", "qwen3-235b-a22b", 256, 2048, 1, 2, 8, 4, 32, 1575, ""),
        ("235B, experts over four nodes", "26.02", "qwen3-235b-a22b", 256, 8192, 1, 2, 8, 4, 32, 1633, ""),
        ("235B, experts over four nodes", "26.02.01", "qwen3-235b-a22b", 256, 8192, 1, 2, 8, 4, 32, 1611, ""),
        ("235B, experts over four nodes", "26.04", "qwen3-235b-a22b", 256, 8192, 1, 2, 8, 4, 32, 1686, ""),
        ("235B, experts over four nodes", "26.04.01", "qwen3-235b-a22b", 256, 8192, 1, 2, 8, 4, 32, 1712, ""),
        ("gpt-oss 120B", "26.02", "gpt-oss-120b", 64, 1280, 1, 1, 4, 1, 8, 5993, ""),
        ("gpt-oss 120B", "26.02.01", "gpt-oss-120b", 64, 1280, 1, 1, 4, 1, 8, 5984, ""),
        ("gpt-oss 120B", "26.04", "gpt-oss-120b", 64, 1280, 1, 1, 4, 1, 8, 5810, ""),
        ("gpt-oss 120B", "26.04.01", "gpt-oss-120b", 64, 1280, 1, 1, 4, 1, 8, 5824, ""))),
    ("dgx-b200", "DGX B200", (
        ("30B, experts inside a node", "25.11", "qwen3-30b-a3b", 8, 512, 1, 1, 1, 1, 8, 9299, ""),
        ("30B, experts inside a node", "26.02.01", "qwen3-30b-a3b", 8, 128, 4, 1, 1, 1, 8, 26695, ""),
        ("30B, experts inside a node", "26.04", "qwen3-30b-a3b", 8, 128, 4, 1, 1, 1, 8, 26859, ""),
        ("30B, experts inside a node", "26.04.01", "qwen3-30b-a3b", 8, 128, 4, 1, 1, 1, 8, 27136, ""),
        ("235B, experts inside a node", "25.11", "qwen3-235b-a22b", 64, 1024, 1, 1, 8, 2, 8, 3269, ""),
        ("235B, experts inside a node", "26.02", "qwen3-235b-a22b", 256, 8192, 1, 1, 8, 1, 8, 3805, ""),
        ("235B, experts inside a node", "26.04.01", "qwen3-235b-a22b", 256, 8192, 1, 1, 8, 1, 8, 3776, ""),
        ("gpt-oss 120B", "26.02.01", "gpt-oss-120b", 64, 320, 4, 1, 1, 1, 8, 13722, ""),
        ("gpt-oss 120B", "26.04", "gpt-oss-120b", 64, 320, 4, 1, 1, 1, 8, 13045, ""),
        ("gpt-oss 120B", "26.04.01", "gpt-oss-120b", 64, 320, 4, 1, 1, 1, 8, 13568, ""))),
)
# Its recipes multiply in bf16 and make norms and activations again.
GPT_OSS = {"matmul": "bf16", "checkpointing": "selective"}


def expert_steps(_):
    """Steps whose experts are shared out."""
    overlaps = {cluster: overlap for _, cluster, _, _, overlap, device, _, _ in PIPELINES
                if not device}
    for cluster, title, table in EXPERTS:
        cases = []
        for group, row, model, gpus, batches, sequences, tp, pp, pieces, ep, speed, note in table:
            case = step_case(
                row, group, gpus, 8, {"model": model}, [4096] * sequences, 1,
                {"zero": 1, "checkpointing": "none", "matmul": "fp8", "weight_gradients": "bf16",
                 "tensor_parallel": tp, "pipeline_parallel": pp, "virtual_stages": pieces, "expert_parallel": ep,
                 "global_batch": batches} | (GPT_OSS if model.startswith("gpt-oss") else {}),
                batches * sequences * 4096 / gpus / speed)
            cases.append(case | ({"note": note} if note else {}))
        yield f"steps-{cluster}-experts", cluster, "transformer-engine", cases, \
            BRIDGE.replace("Llama 3 with", "Qwen3 (gpt-oss without) with") + f" {title}", {
                "calibration": {"runtime.tensor_parallel_overlap": overlaps[cluster]}}
