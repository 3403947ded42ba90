#!/usr/bin/env bash
# What a machine with a GPU is asked. It may have nothing installed but a driver: `pack` builds
# elsewhere and collects the programs with their libraries in build-gpu, to be carried along.
#
# Usage: scripts/gpu.sh pack                  here, with nvcc
#        scripts/gpu.sh kernels [--quick]     there: tests and times of the kernels
#
# `kernels` takes build-gpu when it is there, else builds. Results go to $OUT, or build-gpu/out.
# Exit code 0 when everything that ran passed, 1 when not, 2 for bad use, 77 without a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=(tests/device/hsap-kernel-selftest kernels/hsap-kernel-bench)

build() {
  [ -f build/build.ninja ] || meson setup build >&2
  ninja -C build "${programs[@]}" >&2
}

# Programs, and the libraries they need beyond the C library's.
pack() {
  build
  rm -rf build-gpu
  mkdir -p build-gpu/lib
  local program
  for program in "${programs[@]}"; do
    cp "build/$program" build-gpu/
    strip "build-gpu/${program##*/}"
    ldd "build/$program" | awk '$3 ~ /lib(fmt|stdc\+\+|gcc_s)/ { print $3 }' \
      | xargs -r -I{} cp -Lf {} build-gpu/lib/
  done
  du -sh build-gpu
}

# sanitize TOOL: the self-test under compute-sanitizer, where there is one.
sanitize() {
  local log="$out/$1.txt" status=0
  if ! command -v compute-sanitizer >/dev/null; then
    note "$1" "skipped (no compute-sanitizer)"
    return
  fi
  timeout 300 compute-sanitizer --tool "$1" --error-exitcode 9 "$bin/hsap-kernel-selftest" \
    >"$log" 2>&1 || status=$?
  case $status in
    0) note "$1" "passed" ;;
    124) note "$1" "not through in 300 s" ;;
    *) tail -n 30 "$log"; note "$1" "FAILED, $log"; failed=1 ;;
  esac
}

summary=()
note() { summary+=("$(printf '%-12s %s' "$1" "$2")"); }

kernels() {
  local bin=build-gpu failed=0 status=0
  if [ ! -x build-gpu/hsap-kernel-selftest ]; then
    pack
  fi
  local out=${OUT:-build-gpu/out}
  mkdir -p "$out"
  export LD_LIBRARY_PATH="$PWD/build-gpu/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export HSAP_DATA="$PWD"

  "$bin/hsap-kernel-selftest" | tee "$out/selftest.txt" || status=$?
  [ "$status" = 77 ] && exit 77
  note "self-test" "$(tail -n 1 "$out/selftest.txt")"
  [ "$status" = 0 ] || failed=1

  status=0
  "$bin/hsap-kernel-bench" "$@" --force --json "$out/kernels.json" --csv "$out/kernels.csv" \
    | tee "$out/bench.txt" || status=$?
  [ "$status" = 0 ] || failed=1
  note "benchmark" "$([ "$status" = 0 ] && echo "$out/kernels.json, $out/kernels.csv" || echo FAILED)"

  status=77
  if command -v python3 >/dev/null; then
    status=0
    python3 scripts/bench_torch_attention.py "$out/kernels.json" \
      | tee "$out/torch.txt" || status=$?
  fi
  case $status in
    0) note "torch" "$out/torch.txt" ;;
    77) note "torch" "skipped (no PyTorch with CUDA)" ;;
    *) note "torch" "FAILED"; failed=1 ;;
  esac

  # Last, since they may take minutes.
  sanitize memcheck
  sanitize racecheck

  printf '%s\n' "" "${summary[@]}"
  exit "$failed"
}

case "${1:-}" in
  pack) pack ;;
  kernels) shift; kernels "$@" ;;
  *) sed -n '2,10p' "$0" >&2; exit 2 ;;
esac
