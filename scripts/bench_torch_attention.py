#!/usr/bin/env python3
"""Times PyTorch's attention (flash and cuDNN) on what hsap-kernel-bench timed, beside its times.

Usage: bench_torch_attention.py KERNELS.JSON

KERNELS.JSON is what `hsap-kernel-bench --json` wrote. Rows of one document are compared; PyTorch's
attention takes no packed ones. Backward times are of the backward pass alone. As there, calls are issued
while the GPU is busy with copies, and take turns on tensors of twice its L2. Exit code 77 without PyTorch
or without a GPU, 2 for a file that cannot be read.
"""
import json
import statistics
import sys

try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:
    torch = None

BUDGET_S = 0.3
SHORT_CALL_S = 1e-3  # of longer calls Python is ahead by itself
HOST_CALL_S = 200e-6  # Python takes less to issue one


def seconds_of_each(calls) -> list[float]:
    """Seconds of each call, by CUDA events. All are issued before anyone waits for the GPU."""
    events = []
    for call in calls:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        events.append((begin, end))
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) * 1e-3 for begin, end in events]


def median_seconds(call, sets: list) -> float:
    """Median of call(*set), the sets taken in turn, after two calls to warm up."""
    def calls(count: int):
        return [lambda i=i: call(*sets[i % len(sets)]) for i in range(count)]

    once = seconds_of_each(calls(2))[-1]
    count = int(min(max(BUDGET_S / once, 5), 100))
    if once < SHORT_CALL_S:
        # Otherwise the GPU would wait for Python between the events of a call.
        source, target = (torch.empty(1 << 28, dtype=torch.uint8, device="cuda") for _ in range(2))
        copy = seconds_of_each([lambda: target.copy_(source)] * 3)[-1]
        for _ in range(int(min(count * HOST_CALL_S / copy, 200)) + 1):
            target.copy_(source)
    return statistics.median(seconds_of_each(calls(count)))


def time_row(row: dict, backend) -> float:
    """Seconds of one row's pass; RuntimeError where the backend does not take it."""
    def tensor(heads: int):
        return torch.randn(1, heads, row["tokens"], row["head_dim"], device="cuda",
                           dtype=torch.bfloat16, requires_grad=row["kernel"] == "backward")

    def operands():
        return tensor(row["heads"]), tensor(row["kv_heads"]), tensor(row["kv_heads"])

    def attend(q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=row["mask"] == "causal", enable_gqa=row["heads"] != row["kv_heads"])

    sets = [operands()]
    set_bytes = sum(each.nbytes for each in sets[0])
    cache_bytes = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 50 << 20)
    sets += [operands() for _ in range(2 * cache_bytes // set_bytes)]
    with sdpa_kernel(backend):
        if row["kernel"] == "forward":
            return median_seconds(attend, sets)
        outputs = [(attend(*each), each) for each in sets]
        return median_seconds(
            lambda out, inputs, dout: torch.autograd.grad(out, inputs, dout, retain_graph=True),
            [(out, inputs, torch.randn_like(out)) for out, inputs in outputs])


def rate(row: dict, seconds: float | None) -> str:
    return "-" if seconds is None else f"{row['flop'] / seconds * 1e-12:.0f}"


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if torch is None or not torch.cuda.is_available():
        print("skipped: no PyTorch with CUDA", file=sys.stderr)
        return 77
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            rows = json.load(file)["rows"]
    except (OSError, ValueError, KeyError) as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    backends = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}
    print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}; TFLOP/s")
    print(f"{'pass':10} {'what':28} {'heads':>7} {'dim':>4} {'hsap':>6}"
          + "".join(f"{name:>7}" for name in backends))
    for row in rows:
        if row["kernel"] not in ("forward", "backward") or row["packed"]:
            continue
        times = {}
        for name, backend in backends.items():
            try:
                times[name] = time_row(row, backend)
            except RuntimeError:  # the backend does not take it, or memory is short
                times[name] = None
            torch.cuda.empty_cache()
        heads = f"{row['heads']}/{row['kv_heads']}"
        print(f"{row['kernel']:10} {row['what']:28} {heads:>7} {row['head_dim']:4} "
              f"{rate(row, row['seconds']):>6}"
              + "".join(f"{rate(row, times[name]):>7}" for name in backends))
    return 0


if __name__ == "__main__":
    sys.exit(main())
