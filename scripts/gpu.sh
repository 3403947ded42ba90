#!/usr/bin/env bash
# What a machine with a GPU is asked. It may have nothing installed but a driver: `pack` builds
# elsewhere and collects the programs with their libraries in build-gpu, to be carried along.
#
# Usage: scripts/gpu.sh pack                        here, with nvcc
#        scripts/gpu.sh kernels [--budget SECONDS] [--quick]
#                                                   there: tests and times of the kernels
#        scripts/gpu.sh validate [--budget SECONDS] there: whole plans, calibration and predictions
#        scripts/gpu.sh sanitize [--budget SECONDS] there: the kernels' tests under compute-sanitizer
#
# They take build-gpu when it is there, else build it, but not where $OUT says that results are
# fetched: such a machine builds nothing. Results go to $OUT, or build-gpu/out; $BUILD is the build
# folder (build-pack, without MPI). All end within their budget (540 s, validate 480 s) and say what
# they skipped; `validate` leaves a summary and an archive named by date and time, which unpacks into
# validate/results, and keeps both up to date as it goes. What earlier runs left stays.
# Exit code 0 when everything that ran passed, 1 when not, 2 for bad use, 77 without a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=(tests/device/hsap-kernel-selftest kernels/hsap-kernel-bench validate/hsap-validate
          src/apps/hsap-topo)
build_dir=${BUILD:-build-pack}

build() {
  [ -f "$build_dir/build.ninja" ] || meson setup "$build_dir" -Dwerror=false \
    -Dcuda=enabled -Dmpi=disabled -Dsimgrid=disabled -Dbench=disabled >&2
  ninja -C "$build_dir" "${programs[@]}" tuner/hsap-tune >&2
}

# Programs, the libraries they need beyond the C library's, and plans to validate.
pack() {
  build
  rm -rf build-gpu/lib build-gpu/plans
  mkdir -p build-gpu/lib
  # The history may stay here.
  git describe --always --dirty >build-gpu/commit 2>/dev/null || rm -f build-gpu/commit
  local program
  for program in "${programs[@]}"; do
    cp "$build_dir/$program" build-gpu/
    strip "build-gpu/${program##*/}"
    ldd "$build_dir/$program" | awk '$3 ~ /lib(fmt|stdc\+\+|gcc_s|tbb|pugixml)/ { print $3 }' \
      | xargs -r -I{} cp -Lf {} build-gpu/lib/
  done
  HSAP_DATA="$PWD" python3 scripts/validation_plans.py "$build_dir/tuner/hsap-tune" build-gpu/plans
  du -sh build-gpu
}

# Sets `bin` and `out` and what the programs need; `of_others` is the LD_LIBRARY_PATH of programs that
# are not ours, whose C++ library may be newer than what we carry.
carried() {
  bin=build-gpu
  if [ ! -x "$bin/hsap-validate" ] || [ ! -d "$bin/plans" ]; then
    if [ -n "${OUT:-}" ]; then
      echo "gpu.sh: no build-gpu here; make it elsewhere (scripts/gpu.sh pack) and carry it along" >&2
      exit 2
    fi
    pack
  fi
  out=${OUT:-build-gpu/out}
  mkdir -p "$out"
  # NCCL is too large to carry, and comes with CUDA or PyTorch.
  local folder nccl=
  for folder in /usr/local/cuda/lib64 /usr/{,local/}lib/python3*/*-packages/nvidia/nccl/lib \
    /opt/*/{,.venv/}lib/python3*/site-packages/nvidia/nccl/lib; do
    [ ! -e "$folder/libnccl.so.2" ] || nccl=:$folder
  done
  of_others=${LD_LIBRARY_PATH:-}
  export LD_LIBRARY_PATH="$PWD/$bin/lib$nccl${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export HSAP_DATA="$PWD"
}

# sanitize TOOL SECONDS: the self-test under compute-sanitizer, where there is one. What racecheck
# finds is for people to judge: it does not know every way in which mbarriers and TMA order accesses.
sanitize() {
  local log="$out/$1.txt" status=0 most PATH=$PATH:/usr/local/cuda/bin
  if ! command -v compute-sanitizer >/dev/null; then
    note "$1" "skipped (no compute-sanitizer)"
    return
  fi
  most=$(at_most "$2")
  if [ "$most" -lt 30 ]; then
    note "$1" "skipped (no time left)"
    return
  fi
  timeout -k 5 "$most" compute-sanitizer --tool "$1" --error-exitcode 9 \
    "$bin/hsap-kernel-selftest" --together >"$log" 2>&1 || status=$?
  case $status in
    0) note "$1" "passed" ;;
    77) tail -n 1 "$log"; exit 77 ;;
    124 | 137) note "$1" "not through in $most s" ;;
    *)
      tail -n 30 "$log"
      if [ "$1" = racecheck ] && [ "$status" = 9 ]; then
        note "$1" "hazards to look at, $log"
      else
        note "$1" "FAILED, $log"
        failed=1
      fi
      ;;
  esac
}

summary=()
note() { summary+=("$(printf '%-12s %s' "$1" "$2")"); }

# budget_of SECONDS ARGUMENT...: sets `budget`, and `rest` to the other arguments.
budget_of() {
  budget=$1
  shift
  rest=()
  while [ $# -gt 0 ]; do
    if [ "$1" = --budget ]; then
      [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || usage
      budget=$2
      shift 2
    else
      rest+=("$1")
      shift
    fi
  done
}

# at_most SECONDS: so many, or what is left of the budget.
at_most() {
  local seconds
  seconds=$(left 0)
  echo $((seconds < $1 ? seconds : $1))
}

# timed FILE SECONDS COMMAND...: for as long as there is time; what it prints goes to $out/FILE, too.
# Sets `status`: its exit code, 124 when it took too long. Nobody waits for what it leaves behind.
timed() {
  local file=$1 most
  most=$(at_most "$2")
  shift 2
  status=124
  [ "$most" -gt 0 ] || return 0
  status=0
  timeout -k 5 "$most" "$@" >"$out/$file" || status=$?
  cat "$out/$file"
  [ "$status" != 137 ] || status=124
}

kernels() {
  local bin out of_others budget rest failed=0 status=0
  budget_of 540 "$@"
  carried
  SECONDS=0
  describe_machine >"$out/summary.txt"

  timed selftest.txt 270 "$bin/hsap-kernel-selftest"
  [ "$status" = 77 ] && exit 77
  if [ "$status" = 124 ]; then
    note "self-test" "NOT THROUGH in its time, $out/selftest.txt"
  else
    note "self-test" "$(tail -n 1 "$out/selftest.txt")"
  fi
  [ "$status" = 0 ] || failed=1

  # Kernels that hang in a test hang here, too; tests that are only slow say nothing of them.
  local most=330
  ! grep -q "not through in" "$out/selftest.txt" || most=60
  rm -f "$out/kernels.json"
  timed bench.txt "$most" "$bin/hsap-kernel-bench" ${rest[@]+"${rest[@]}"} --force \
    --budget "$(at_most $((most * 2 / 3)))" --json "$out/kernels.json" --csv "$out/kernels.csv"
  case $status in
    0) note "benchmark" "$out/kernels.json, $out/kernels.csv" ;;
    124) note "benchmark" "NOT THROUGH in its time, $out/bench.txt"; failed=1 ;;
    *) note "benchmark" FAILED; failed=1 ;;
  esac
  # One kernel that fails ends a process, and what comes after it may be right.
  [ "$status" = 0 ] || bench_apart

  status=77
  if [ -f "$out/kernels.json" ] && command -v python3 >/dev/null; then
    timed torch.txt 150 env LD_LIBRARY_PATH="$of_others" PYTHONUNBUFFERED=1 \
      python3 scripts/bench_torch_attention.py "$out/kernels.json"
  fi
  case $status in
    0) note "torch" "$out/torch.txt" ;;
    77) note "torch" "skipped (no PyTorch with CUDA, or no times beside its own)" ;;
    124) note "torch" "not through in its time, $out/torch.txt" ;;
    *) note "torch" "FAILED"; failed=1 ;;
  esac

  # Last, since they may take minutes.
  sanitize memcheck 300
  sanitize racecheck 300

  printf '%s\n' "" "${summary[@]}" | tee -a "$out/summary.txt"
  exit "$failed"
}

# The benchmark kernel by kernel; its tables are added to bench.txt.
bench_apart() {
  local part status
  for part in "forward --portable" backward "backward --portable" rows; do
    # shellcheck disable=SC2086
    timed part.txt 45 "$bin/hsap-kernel-bench" --only $part --quick --budget 30
    cat "$out/part.txt" >>"$out/bench.txt" 2>/dev/null || true
    note "  $part" "$([ "$status" = 0 ] && echo "timed, $out/bench.txt" || echo "failed or skipped")"
  done
  rm -f "$out/part.txt"
}

sanitizers() {
  local bin out of_others budget rest failed=0
  budget_of 540 "$@"
  [ ${#rest[@]} -eq 0 ] || usage
  carried
  SECONDS=0
  sanitize memcheck $((budget / 2))
  sanitize racecheck "$budget"
  printf '%s\n' "" "${summary[@]}"
  exit "$failed"
}

# left RESERVE: whole seconds until the budget is spent but for these, or 0.
left() {
  local seconds=$((budget - SECONDS - $1))
  echo $((seconds > 0 ? seconds : 0))
}

# step NAME SECONDS RESERVE COMMAND...: runs it when so many seconds are left beside the reserve, for
# at most six times as many; its output goes to $results/NAME.txt. Sets `step_status`: its exit code, 124 when it
# took too long, 75 when there was no time.
step() {
  local name=$1 wants=$2 most
  most=$(left "$3")
  shift 3
  step_status=75
  if [ "$most" -lt "$wants" ]; then
    skipped+=("$name")
    return 0
  fi
  [ "$most" -le $((6 * wants)) ] || most=$((6 * wants))
  step_status=0
  timeout -k 5 "$most" "$@" >"$results/$name.txt" 2>&1 || step_status=$?
}

# judge NAME: notes how the last step went.
judge() {
  case $step_status in
    0) note "$1" "passed" ;;
    75) note "$1" "skipped (no time left)" ;;
    124 | 137) note "$1" "NOT THROUGH in its time, $results/$1.txt"; failed=1 ;;
    *) tail -n 3 "$results/$1.txt"; note "$1" "FAILED, $results/$1.txt"; failed=1 ;;
  esac
  keep
}

# Summary and archive of what there is so far: whatever ends this early leaves them.
keep() {
  {
    cat "$results/machine.txt"
    printf '%s\n' "" ${summary[@]+"${summary[@]}"}
    [ ${#skipped[@]} -eq 0 ] || printf 'skipped for want of time: %s\n' "${skipped[*]}"
    printf 'took %s s of %s s\n' "$SECONDS" "$budget"
  } >"$results/summary.txt"
  cp "$results/summary.txt" "$out/summary.txt"
  tar -C build-gpu/results -czf "$out/results-$run.tar.gz" "$run"
}

# all NAME TOKENS SECONDS RESERVE PLAN... -- FLAGS...: every plan with these flags, one note for all.
# Ranks that wait for each other for ever do so in every plan: of NCCL's the first such is the last.
all() {
  local name=$1 tokens=$2 wants=$3 reserve=$4 passed=0 wrong=0 late=0 hung=0 plan plans=()
  shift 4
  while [ "$1" != -- ]; do plans+=("$1"); shift; done
  shift
  for plan in "${plans[@]}"; do
    if [ "$hung" = 1 ]; then
      late=$((late + 1))
      continue
    fi
    step "$name-$plan" "$wants" "$reserve" "$bin/hsap-validate" run "$bin/plans/$plan.json" \
      --tokens "$tokens" "$@"
    case $step_status in
      0) passed=$((passed + 1)) ;;
      75) late=$((late + 1)) ;;
      *) wrong=$((wrong + 1)); failed=1; echo "$name $plan:"; tail -n 2 "$results/$name-$plan.txt" ;;
    esac
    [[ $name != nccl* || ! $step_status =~ ^(124|137)$ ]] || hung=1
  done
  note "$name" "$passed of ${#plans[@]} plans right, $wrong wrong, $late skipped"
  keep
}

# What the numbers come from, for whoever reads them later.
describe_machine() {
  date -u +'date: %F %T UTC'
  "$bin/hsap-validate" --version
  sed 's/^/commit: /' build-gpu/commit 2>/dev/null || true
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit,memory.total \
    --format=csv 2>/dev/null || echo "no nvidia-smi"
  uname -sr
}

validate() {
  local bin out of_others budget rest failed=0 step_status=0 skipped=() results run name
  budget_of 480 "$@"
  [ ${#rest[@]} -eq 0 ] || usage
  carried
  SECONDS=0
  run=$(date -u +%F-%H%M%S)
  results=build-gpu/results/$run
  mkdir -p "$results"

  describe_machine >"$results/machine.txt"
  # The first program on a machine may wait for the driver to wake up.
  step first 10 0 "$bin/hsap-validate" run "$bin/plans/ulysses.json" --tokens 256 --executor local
  if grep -q "no CUDA device" "$results/first.txt"; then
    tail -n 1 "$results/first.txt"
    rm -r "$results"
    exit 77
  fi
  judge first

  # Short before long: a plan of each exchange first, then all layouts, then what takes minutes.
  export NCCL_DEBUG=${NCCL_DEBUG:-WARN}
  local each=(ring-balanced double_ring-zigzag all_gather-striped p2p-balanced hierarchical-contiguous)
  all local 2K 5 330 "${each[@]}" ulysses -- --executor local --leaks 1
  step calibrate 20 210 "$bin/hsap-topo" calibrate --gpu --budget 60 --force \
    --tables "$results/calibration"
  judge calibrate
  all nccl 1K 20 110 "${each[@]}" -- --executor nccl --ranks 8
  all nccl-graph 1K 20 90 ring-balanced -- --executor nccl --ranks 8 --graph --repeats 3
  local timed=(p2p-balanced ring-zigzag) times=(--executor local --serialise --repeats 10 --times-only)
  all before 32K 15 60 "${timed[@]}" -- "${times[@]}"
  all before-graph 32K 15 45 p2p-balanced -- "${times[@]}" --graph
  if [ -f "$results/calibration/cluster.json" ]; then
    all after 32K 15 25 "${timed[@]}" -- "${times[@]}" --cluster "$results/calibration/cluster.json"
  else
    note after "skipped (no calibration)"
  fi
  rest=()
  for name in "$bin"/plans/*.json; do
    name=${name##*/}
    name=${name%.json}
    [[ " ${each[*]} ulysses " == *" $name "* ]] || rest+=("$name")
  done
  all layouts 2K 5 10 "${rest[@]}" -- --executor local

  keep
  echo "$out/results-$run.tar.gz unpacks into validate/results (tar -C validate/results -xzf ...)"
  cat "$results/summary.txt"
  exit "$failed"
}

usage() {
  sed -n '2,17p' "$0" >&2
  exit 2
}

case "${1:-}" in
  pack) pack ;;
  kernels) shift; kernels "$@" ;;
  validate) shift; validate "$@" ;;
  sanitize) shift; sanitizers "$@" ;;
  *) usage ;;
esac
