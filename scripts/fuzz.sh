#!/usr/bin/env bash
# The long fuzzing run: builds the targets of tests/fuzz with clang++, libFuzzer, ASan and UBSan, and
# runs each for SECONDS (default 600) from its corpus. New inputs and crashes stay in build-fuzz/.
#
# Usage: scripts/fuzz.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(plan cluster trace npy compile cases import calibrate)

scripts/setup.sh
command -v clang++ >/dev/null || { echo "fuzz: needs clang++ (apt-get install clang)" >&2; exit 1; }
[ -f build-fuzz/build.ninja ] || CC=clang CXX=clang++ meson setup build-fuzz -Dfuzz=true -Dwerror=false \
  -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dcuda=disabled -Dmpi=disabled \
  -Dsimgrid=disabled -Dcpp_args="-fsanitize=fuzzer-no-link -g1" >/dev/null
for target in "${targets[@]}"; do
  ninja -C build-fuzz "tests/fuzz/fuzz-$target" >/dev/null
  mkdir -p "build-fuzz/corpus/$target"
  echo "== $target"
  "build-fuzz/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
    -artifact_prefix="build-fuzz/" "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target"
done
