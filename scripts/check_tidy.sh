#!/usr/bin/env bash
# Runs clang-tidy over the product code of a configured build folder, with .clang-tidy's checks.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
# What the build left out, for want of a library, cannot be checked.
find $(ls -d src tuner validate kernels 2>/dev/null) -name '*.cpp' \
  | while read -r file; do
      if grep -qF "/$file\"" "$build/compile_commands.json"; then printf '%s\0' "$file"; fi
    done \
  | xargs -0 -r -n 3 -P "$(nproc)" clang-tidy -p "$build" --quiet 2>/dev/null
