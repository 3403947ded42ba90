#!/usr/bin/env bash
# Everything that must hold, on a machine that may be brand new: installs what is missing, builds
# with warnings as errors by two compilers, runs all tests, the fast ones under ASan and UBSan (each
# test program is compiled once), the host executor under TSan, then clang-format and clang-tidy.
# Ends with "N passed, N failed"; exit code 0 only if none failed.
#
# Usage: scripts/test.sh [--fast]      --fast: no sanitizers, no clang-tidy
set -euo pipefail
cd "$(dirname "$0")/.."

fast=no
case "${1:-}" in
  '') ;;
  --fast) fast=yes ;;
  *) echo "usage: scripts/test.sh [--fast]" >&2; exit 2 ;;
esac

scripts/setup.sh --with-checks

passed=0
failed=0
# tally NAME COMMAND...: runs a check that counts as one.
tally() {
  local name=$1
  shift
  echo "== $name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}
# suite BUILD-DIR [meson test arguments]: builds what the tests need, runs them, counts each.
suite() {
  local dir=$1 log
  shift
  log="$dir/meson-logs/testlog.json"
  rm -f "$log"
  meson test -C "$dir" --print-errorlogs --num-processes "$(nproc)" "$@" || true
  local counts
  counts=$(/usr/bin/python3 scripts/count_tests.py "$log")
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
}
# configure DIR [options]: a build folder. One that exists is configured again: it may be older than
# what was installed above.
configure() {
  local dir=$1 again=()
  shift
  [ ! -f "$dir/build.ninja" ] || again=(--reconfigure)
  meson setup "${again[@]}" "$dir" "$@" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
  rm -f "$dir.log"
}

# sanitized_build DIR OPTIMIZATION SANITIZERS: configures a build by clang of whole libraries and
# programs. So the names of two sources beside each other must differ, those of no linkage too; tests
# may shadow those of others. The plugin finds files that lean on what others beside them include.
sanitized_build() {
  configure "$1" "-Doptimization=$2" "-Db_sanitize=$3" "${whole[@]}" \
    "-Dcpp_args=-g1 -fPIC -pthread -fno-omit-frame-pointer -Wno-shadow '-fplugin=$plugin'" \
    -Db_lundef=false -Dcuda=disabled -Dmpi=disabled -Dsimgrid=disabled
}
# Reads headers once for each library and program, whose sources are compiled as one: a third of the
# time.
whole=(--unity on --unity-size 1000)
# By another name than .so, which Meson takes for a library to link.
plugin=$PWD/build/tidy/own_code.plugin

# Fast tests; errors also runs without sanitizers, as users do.
sanitized=(unit algebra fuzz)

echo "== build and tests"
# A folder that is there already, or is for --fast, belongs to somebody who compiles again and again:
# there a change must not compile a whole library.
once=()
[ "$fast" = yes ] || [ -f build/build.ninja ] || once=("${whole[@]}")
# Tests of what is missing would be left out without a word.
configure build "${once[@]}" -Dmpi=enabled -Dsimgrid=enabled -Demulation=enabled
if [ "$fast" = yes ]; then
  suite build --timeout-multiplier 4
else
  suite build --timeout-multiplier 4 "${sanitized[@]/#/--no-suite=}"
  echo "== fast tests under ASan and UBSan"
  scripts/check_tidy.py --plugin build
  # By clang: a second compiler, which compiles this faster than g++ (and runs it slower).
  export CC=clang CXX=clang++ CC_LD=lld CXX_LD=lld
  sanitized_build build-sanitize 0 address,undefined
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    suite build-sanitize --timeout-multiplier 10 --suite=error "${sanitized[@]/#/--suite=}"
  echo "== ranks as threads under TSan"
  sanitized_build build-thread 1 thread
  suite build-thread validate-executor --timeout-multiplier 10
fi

tally "clang-format" scripts/check_format.sh
[ "$fast" = yes ] || tally "clang-tidy" scripts/check_tidy.py build

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
