#!/usr/bin/env bash
# Compiles the GPU kernels and prints what each takes of the device: registers at launch, bytes
# spilled, static and dynamic shared memory. Exit code 1 when a kernel spills, 2 when one
# does not compile, 77 without nvcc.
set -euo pipefail
cd "$(dirname "$0")/.."
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null) \
  || { echo "kernel_resources.sh: no nvcc" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -O3 --expt-relaxed-constexpr -Iinclude -I.)

# Dynamic shared memory is known to the launch alone.
cat >"$work/shared.cu" <<'EOF'
#include <cstdio>
#include "kernels/attention/backward_hopper.hpp"
#include "kernels/attention/backward_portable.hpp"
#include "kernels/attention/forward_hopper.hpp"
#include "kernels/attention/forward_portable.hpp"
using namespace hsap::kernels;
template <int HeadDim>
void print() {
  std::printf("forward_hopper<%d> %u\n", HeadDim, ForwardHopper<HeadDim>::shared_bytes);
  std::printf("backward_hopper<%d> %u\n", HeadDim, BackwardHopper<HeadDim>::shared_bytes);
  std::printf("forward_portable<%d> %u\n", HeadDim, ForwardPortable<HeadDim>::shared_bytes);
  std::printf("backward_portable<%d> %u\n", HeadDim, BackwardPortable<HeadDim>::shared_bytes);
}
int main() {
  print<64>();
  print<128>();
}
EOF
"$nvcc" "${flags[@]}" -O0 -arch=sm_90a "$work/shared.cu" -o "$work/shared" 2>"$work/log" \
  || { cat "$work/log" >&2; exit 2; }
"$work/shared" >"$work/dynamic"

for file in kernels/launch/*.cu; do
  case $file in
    *hopper.cu) arch=sm_90a ;;
    *) arch=sm_80 ;;
  esac
  "$nvcc" "${flags[@]}" -arch=$arch -cubin -Xptxas -v "$file" -o "$work/cubin" 2>"$work/log" \
    || { cat "$work/log" >&2; exit 2; }
  c++filt <"$work/log" >>"$work/ptxas"
done

awk -v dynamic="$work/dynamic" '
  BEGIN {
    while ((getline line <dynamic) > 0) { split(line, part, " "); more[part[1]] = part[2] }
    printf "%-52s %-7s %9s %7s %7s %8s\n", "kernel", "arch", "registers", "spilled", "static", "dynamic"
  }
  /Compiling entry function/ {
    name = $0
    sub(/.*entry function .(void )?/, "", name)
    arch = name
    sub(/.* for ./, "", arch); sub(/[^a-z0-9_].*/, "", arch)
    sub(/\(hsap::.*/, "", name)
    gsub(/hsap::kernels::|hsap::gpu::|\(anonymous namespace\)::/, "", name)
  }
  /spill stores/ {
    spilled = 0
    for (i = 1; i < NF; ++i) if ($(i + 2) == "spill") spilled += $i
    if (spilled > 0) bad = 1
  }
  /Used [0-9]+ registers/ {
    static = 0
    for (i = 1; i <= NF; ++i) {
      if ($i == "Used") registers = $(i + 1)
      if ($i ~ /^smem/) static = $(i - 2)
    }
    printf "%-52s %-7s %9d %7d %7d %8d\n", name, arch, registers, spilled, static, more[name]
  }
  END { if (bad) print "a kernel spills registers to memory"; exit bad }
' "$work/ptxas"
