#!/usr/bin/env bash
# Installs what hsap needs on Debian 12 and is missing. Called by bench.sh, demo.sh,
# fuzz.sh and test.sh.
# Usage: scripts/setup.sh [--with-checks]     (also what scripts/test.sh needs beyond a build)
set -euo pipefail

packages=(g++ meson ninja-build pkg-config cmake
          libboost-graph-dev libcli11-dev libeigen3-dev libfmt-dev libtbb-dev
          libpugixml-dev nlohmann-json3-dev catch2 python3 python3-matplotlib)
if [ "${1:-}" = --with-checks ]; then
  packages+=(clang clang-format clang-tidy lld libclang-dev libclang-rt-dev llvm-dev git libopenmpi-dev openmpi-bin
             python3-torch python3-numpy libsimgrid-dev libboost-context-dev)
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' \
    || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: need root or sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
