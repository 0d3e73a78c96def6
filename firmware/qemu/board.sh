#!/bin/sh
# The image of the pilot board for an emulated machine, charts included: firmware/qemu/board.sh riscv32|xtensa IMAGE
# Needs `engine` on the PATH, or ENGINE set to it.
set -eu
usage="usage: firmware/qemu/board.sh riscv32|xtensa IMAGE"
machine=${1:?$usage} image=${2:?$usage}
here=$(cd "$(dirname "$0")" && pwd)
charts=$(mktemp -d)
trap 'rm -rf "$charts"' EXIT
rm -f "$image"
"$here/../charts.sh" "$charts"
"$here/build.sh" "$machine" "$image" -I"$here/../pilot_board" -I"$charts" \
    "$here/board.c" "$here"/../pilot_board/*.c "$here"/../core/*.c "$charts"/*.c
