/* What the emulated machines of this folder have: the board's serial port, a second channel to the program on this computer
 * that stands for everything else (the bench), a counter of instructions, and an end. Used from one thread. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Before main, by the start-up code. Octets sent to a serial port before are lost: who is at the bench waits for a sign. */
void machine_begin(void);

/* The serial port. `get` does not wait: how many octets, at most `most`. */
void machine_put(const uint8_t *octets, size_t count);
size_t machine_get(uint8_t *octets, size_t most);

/* The bench: the emulator's standard input and output. `hear` waits for all of `count`; 0 when the other end has closed. */
int bench_hear(uint8_t *octets, size_t count);
void bench_tell(const uint8_t *octets, size_t count);

/* Goes on with the instructions under -icount shift=7: 128 for each on RISC-V, 5.12 on Xtensa (40 MHz). */
uint32_t machine_count(void);

void machine_exit(int code) __attribute__((noreturn));

int main(void);

#endif
