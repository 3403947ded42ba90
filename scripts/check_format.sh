#!/usr/bin/env bash
# Fails when clang-format would change a C++ file. `scripts/check_format.sh --fix` changes them.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
[ "${1:-}" = --fix ] && mode=(-i)
find include src tuner validate kernels tests bench scripts \( -name '*.cpp' -o -name '*.hpp' \
  -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) -print0 | xargs -0 -r clang-format "${mode[@]}"
