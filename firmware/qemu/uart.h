/* A 16550: registers lie STEP octets apart. */
#ifndef UART_H
#define UART_H

#include <stdint.h>

#define UART(base, number, step) (*(volatile uint8_t *)((base) + (uintptr_t)(number) * (step)))
#define UART_DATA 0U
#define UART_INTERRUPTS 1U
#define UART_FIFO 2U
#define UART_LINE 3U
#define UART_STATUS 5U
#define UART_FIFO_ON 0xC7U /* both cleared; 14 octets wait before more are taken */
#define UART_8N1 3U
#define UART_HAS_DATA 1U
#define UART_HAS_ROOM 32U

#endif
