#!/usr/bin/env bash
# Runs clang-tidy over the product code of a configured build folder, with .clang-tidy's checks.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
find $(ls -d src tuner validate kernels 2>/dev/null) -name '*.cpp' -print0 \
  | xargs -0 -r -n 3 -P "$(nproc)" clang-tidy -p "$build" --quiet 2>/dev/null
