# Stack, empty variables, main. A trap ends the machine with code 99.
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, __stack_top
    la t0, trap
    csrw mtvec, t0
    la t0, __bss_begin
    la t1, __bss_end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call machine_begin
    call main
    call machine_exit
    .align 2
trap:
    li a0, 99
    call machine_exit
