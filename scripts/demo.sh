#!/usr/bin/env bash
# From a fresh Debian 12 to a plan: installs what is missing, builds, tunes llama3-8b at a context
# of 256K over 4 nodes of 8 H100 on real document lengths, and leaves in OUT (default: out/ of the
# repository)
#   plan.json search.json table.txt proof.json prediction.json timeline.json layout.json
# and PNG pictures.
#
# Usage: scripts/demo.sh [OUT]
set -euo pipefail
out=${1:+$(realpath -m -- "$1")}
out=${out:-out}
cd "$(dirname "$0")/.."

scripts/setup.sh
[ -f build/build.ninja ] || meson setup build >/dev/null
ninja -C build src/apps/hsap-sim src/apps/hsap-plan src/apps/hsap-topo tuner/hsap-tune \
  validate/hsap-validate
PATH=$PWD/build/src/apps:$PWD/build/tuner:$PWD/build/validate:$PATH
mkdir -p "$out"

setup=(--cluster dgx-h100 --nodes 4 --model llama3-8b)
data=(--trace wlb-llm --context 256K --batches 4 --seed 1)

echo
echo "== The machine"
hsap-topo show --cluster dgx-h100 --nodes 4

echo
echo "== The search"
hsap-tune "${setup[@]}" "${data[@]}" -o "$out/plan.json" --json "$out/search.json" --force \
  | tee "$out/table.txt"

echo
echo "== The proof: every schedule of the plan, verified, and one batch on real numbers"
hsap-plan check "$out/plan.json"
hsap-validate run "$out/plan.json" --leaks 2 --json "$out/proof.json" --force

echo
echo "== What if: sequence-aware p2p over all 32 GPUs, one long document among short ones"
documents=128K$(printf ',4K%.0s' $(seq 32))
hsap-sim "${setup[@]}" --documents "$documents" --ulysses 8 --context-parallel 4 \
  --layout balanced --exchange p2p --json "$out/prediction.json" --timeline "$out/timeline.json" \
  --force

echo
echo "== Pictures"
hsap-plan show "$out/plan.json" --json "$out/layout.json" --force >/dev/null
draw=(/usr/bin/python3 scripts/draw.py)
"${draw[@]}" mask "$out/layout.json" -o "$out/mask.png" --force
"${draw[@]}" ranks "$out/timeline.json" -o "$out/ranks.png" --force
"${draw[@]}" search "$out/search.json" -o "$out/search.png" --force
"${draw[@]}" step "$out/plan.json" -o "$out/step.png" --force
"${draw[@]}" proof "$out/proof.json" -o "$out/proof.png" --force

echo
echo "plan      $out/plan.json"
echo "table     $out/table.txt"
echo "timeline  $out/timeline.json (open in https://ui.perfetto.dev)"
echo "pictures  $out/{mask,proof,ranks,search,step}.png"
