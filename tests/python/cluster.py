"""Several processes on this machine that run the same cases with gloo."""

import os
import pathlib
import subprocess
import sys
import tempfile

SECONDS = 240


def launch(script, processes, *arguments):
    """Runs `script RANK PROCESSES RENDEZVOUS arguments...` as that many processes; answers
    [(exit code, output)] by rank. Whoever still runs after the limit is killed."""
    with tempfile.TemporaryDirectory(prefix="hsap-gloo-") as folder:
        meet = pathlib.Path(folder) / "meet"
        running = [subprocess.Popen(
            [sys.executable, script, str(rank), str(processes), str(meet), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"})
            for rank in range(processes)]
        results = []
        for process in running:
            try:
                output = process.communicate(timeout=SECONDS)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                output = "killed: no end within the limit\n" + process.communicate()[0]
            results.append((process.returncode, output))
        return results


def join(arguments):
    """In such a process: makes the process group; answers what is left of the arguments."""
    import datetime
    import torch
    import torch.distributed as dist
    rank, processes, meet, *rest = arguments
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meet}", rank=int(rank),
                            world_size=int(processes),
                            timeout=datetime.timedelta(seconds=SECONDS // 2))
    return rest
