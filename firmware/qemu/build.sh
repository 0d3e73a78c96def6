#!/bin/sh
# An image for an emulated machine: firmware/qemu/build.sh riscv32|xtensa IMAGE [OPTION or SOURCE of the compiler]…
# Fails when the compiler fails, with what it says.
set -eu
machine=${1:?"usage: firmware/qemu/build.sh riscv32|xtensa IMAGE [OPTION or SOURCE]..."} image=${2:?"where does the image go?"}
shift 2
here=$(cd "$(dirname "$0")" && pwd)
case $machine in
riscv32)
    cc="riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 -misa-spec=2.2 --specs=picolibc.specs -nostartfiles"
    own="$here/riscv32.S $here/riscv32.c"
    ;;
xtensa) # Debian has no C library for it: the headers of the other one say the same about types
    cc="xtensa-lx106-elf-gcc -ffreestanding -nostdlib -mtext-section-literals -fno-tree-loop-distribute-patterns"
    cc="$cc -isystem /usr/lib/picolibc/riscv64-unknown-elf/include"
    own="$here/xtensa.S $here/xtensa.c $here/xtensa_arithmetic.c $here/xtensa_memory.c"
    ;;
*)
    echo "there is no machine $machine: riscv32 or xtensa" >&2
    exit 2
    ;;
esac
rm -f "$image"
# Words of cc and own are split on purpose.
# shellcheck disable=SC2086
exec $cc -std=c99 -Wall -Wextra -Wconversion -Wpedantic -Werror -ffp-contract=off -Os -I"$here" -I"$here/../core" \
    -Wl,--no-warn-rwx-segments -T "$here/$machine.ld" $own "$@" -lgcc -o "$image"
