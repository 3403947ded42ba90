#!/usr/bin/env bash
# Runs the same scenarios through hsap and, where it is installed, through SimGrid, and prints
# processor seconds, peak memory and answers side by side (docs/speed.md). Builds optimised, in
# build-bench/.
#
# Usage: scripts/bench.sh [--largest RANKS] [--limit SECONDS] [--only TEXT]
#                         [--json FILE [--force]]
# Exit code 1 when a run fails, not when it is ended by a limit; 2 for bad use.
# Plot: scripts/draw.py speed FILE -o OUT.png
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

"$root/scripts/setup.sh"
again=()
[ ! -f "$root/build-bench/build.ninja" ] || again=(--reconfigure)  # SimGrid may have come since
meson setup "${again[@]}" "$root/build-bench" "$root" -Dbuildtype=release -Dwerror=false \
  -Dcuda=disabled -Dmpi=disabled >/dev/null
ninja -C "$root/build-bench" bench/side_by_side >/dev/null
exec "$root/build-bench/bench/side_by_side" "$@"
