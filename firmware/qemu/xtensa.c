/* qemu-system-xtensa -M lx60-nommu -cpu lx106 -semihosting: a 16550 on the board; the bench and the end are calls of the
 * emulator (`simcall`). */
#include "machine.h"
#include "uart.h"

#define BOARD 0x9D050020U
#define CALL_EXIT 1
#define CALL_READ 3
#define CALL_WRITE 4

static int call(int number, int first, uintptr_t second, size_t third)
{
    register int a2 __asm__("a2") = number;
    register int a3 __asm__("a3") = first;
    register uintptr_t a4 __asm__("a4") = second;
    register size_t a5 __asm__("a5") = third;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
    return a2;
}

void machine_begin(void)
{
    UART(BOARD, UART_FIFO, 4U) = UART_FIFO_ON;
    UART(BOARD, UART_LINE, 4U) = UART_8N1;
}

void machine_put(const uint8_t *octets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while ((UART(BOARD, UART_STATUS, 4U) & UART_HAS_ROOM) == 0U) {
        }
        UART(BOARD, UART_DATA, 4U) = octets[i];
    }
}

size_t machine_get(uint8_t *octets, size_t most)
{
    size_t count = 0;
    while ((count < most) && ((UART(BOARD, UART_STATUS, 4U) & UART_HAS_DATA) != 0U)) {
        octets[count] = UART(BOARD, UART_DATA, 4U);
        count++;
    }
    return count;
}

int bench_hear(uint8_t *octets, size_t count)
{
    int more = 1;
    for (size_t heard = 0; (heard < count) && (more > 0); heard += (size_t)more) {
        more = call(CALL_READ, 0, (uintptr_t)&octets[heard], count - heard);
    }
    return more > 0;
}

void bench_tell(const uint8_t *octets, size_t count)
{
    int more = 1;
    for (size_t told = 0; (told < count) && (more > 0); told += (size_t)more) {
        more = call(CALL_WRITE, 1, (uintptr_t)&octets[told], count - told);
    }
}

uint32_t machine_count(void)
{
    uint32_t count;
    __asm__ volatile("rsr %0, ccount" : "=r"(count));
    return count;
}

void machine_exit(int code)
{
    for (;;) {
        (void)call(CALL_EXIT, code, 0U, 0U);
    }
}
