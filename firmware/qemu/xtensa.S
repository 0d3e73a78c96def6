# Stack, empty variables, main. The ABI is call0.
    .section .text.start, "ax"
    .globl _start
    .align 4
    j _start
    .literal_position
    .align 4
_start:
    movi a1, __stack_top
    movi a2, __bss_begin
    movi a3, __bss_end
    movi a4, 0
1:  bgeu a2, a3, 2f
    s32i a4, a2, 0
    addi a2, a2, 4
    j 1b
2:  call0 machine_begin
    call0 main
    call0 machine_exit
