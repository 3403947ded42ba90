"""Two ways to run the streams of a schedule beside each other.

Operations of one stream run in order; those of different streams wait for their dependencies only.
Running them one after another in array order could deadlock: a rank that waits for a message would
keep back the one that its peer waits for first.
"""

import threading

import torch

COMPUTE = "compute"


def run(operations, execute, device):
    """Calls execute(operation) for all, each when its turn and its dependencies have come."""
    if device.type == "cuda":
        run_on_cuda_streams(operations, execute, device)
    else:
        run_on_threads(operations, execute)


def run_on_threads(operations, execute):
    """Compute on the calling thread, a thread for each stream that communicates. An error in any of
    them is raised here; threads that still wait for a peer are left to their process group's
    time limit."""
    done, failed = set(), []
    changed = threading.Condition()

    def follow(stream):
        try:
            for operation in operations:
                if operation.stream != stream:
                    continue
                with changed:
                    changed.wait_for(lambda: failed or done.issuperset(operation.dependencies))
                    if failed:
                        return
                execute(operation)
                with changed:
                    done.add(operation.index)
                    changed.notify_all()
        except BaseException as error:
            with changed:
                failed.append(error)
                changed.notify_all()

    others = {op.stream for op in operations} - {COMPUTE}
    for stream in sorted(others):
        threading.Thread(target=follow, args=(stream,), daemon=True).start()
    follow(COMPUTE)
    with changed:
        changed.wait_for(lambda: failed or len(done) == len(operations))
    if failed:
        raise failed[0]


_cuda_streams = {}  # (device, stream name): made once, as in any CUDA program


def run_on_cuda_streams(operations, execute, device):
    """Issues everything at once, a CUDA stream for each stream of the schedule; events are the
    dependencies. Compute goes to the caller's stream, which waits for the others at the end."""
    current = torch.cuda.current_stream(device)
    events, last = {}, {}
    begin = current.record_event()
    for operation in operations:
        name = operation.stream
        if name == COMPUTE:
            stream = current
        else:
            # PyTorch has 32 streams and hands them out in turn: one too many would be another's.
            if (device, name) not in _cuda_streams:
                _cuda_streams[device, name] = torch.cuda.Stream(device)
            stream = _cuda_streams[device, name]
        if name not in last:
            stream.wait_event(begin)
        with torch.cuda.stream(stream):
            for before in operation.dependencies:
                stream.wait_event(events[before])
            execute(operation)
            events[operation.index] = last[name] = stream.record_event()
    for event in last.values():
        current.wait_event(event)
