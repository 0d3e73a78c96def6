/* qemu-system-riscv32 -M virt: a 16550 on the board, another one as a PCI card. */
#include "machine.h"
#include "uart.h"

#define BOARD 0x10000000U
#define CARD_PORT 0x1000U /* of the address space for ports, in which the card is put */
#define CARD (0x03000000U + CARD_PORT)
#define PCI 0x30000000U      /* configuration of device N: 32 KiB each */
#define PLIC 0x0C000000U
#define PLIC_ENABLE 0x2004U /* of the sources from 32 on */
#define PLIC_CLAIM 0x200004U
#define CARD_INTERRUPTS 32U  /* to 35 */
#define TEST 0x00100000U     /* 0x5555: ends with 0; 0x3333: with the code above it */

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

void machine_begin(void)
{
    for (uint32_t device = 1; device < 4U; device++) {
        const uint32_t at = PCI + (device << 15U);
        if ((REGISTER(at + 8U) >> 16U) == 0x0700U) { /* class: serial controller */
            REGISTER(at + 0x10U) = CARD_PORT;
            REGISTER(at + 0x04U) = 1U; /* ports on */
        }
    }
    UART(BOARD, UART_FIFO, 1U) = UART_FIFO_ON;
    UART(BOARD, UART_LINE, 1U) = UART_8N1;
    UART(CARD, UART_FIFO, 1U) = UART_FIFO_ON;
    UART(CARD, UART_LINE, 1U) = UART_8N1;
    UART(CARD, UART_INTERRUPTS, 1U) = 1U;
    for (uint32_t source = CARD_INTERRUPTS; source < (CARD_INTERRUPTS + 4U); source++) {
        REGISTER(PLIC + 4U * source) = 1U; /* priority */
    }
    REGISTER(PLIC + PLIC_ENABLE) = 0xFU;
    __asm__ volatile("csrw mie, %0" : : "r"(1U << 11U)); /* wakes; taken it is not: mstatus.MIE is 0 */
}

static void put(uintptr_t port, const uint8_t *octets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while ((UART(port, UART_STATUS, 1U) & UART_HAS_ROOM) == 0U) {
        }
        UART(port, UART_DATA, 1U) = octets[i];
    }
}

static size_t get(uintptr_t port, uint8_t *octets, size_t most)
{
    size_t count = 0;
    while ((count < most) && ((UART(port, UART_STATUS, 1U) & UART_HAS_DATA) != 0U)) {
        octets[count] = UART(port, UART_DATA, 1U);
        count++;
    }
    return count;
}

void machine_put(const uint8_t *octets, size_t count)
{
    put(BOARD, octets, count);
}

size_t machine_get(uint8_t *octets, size_t most)
{
    return get(BOARD, octets, most);
}

int bench_hear(uint8_t *octets, size_t count)
{
    size_t heard = get(CARD, octets, count);
    while (heard < count) {
        __asm__ volatile("wfi");
        const uint32_t source = REGISTER(PLIC + PLIC_CLAIM);
        heard += get(CARD, &octets[heard], count - heard);
        if (source != 0U) {
            REGISTER(PLIC + PLIC_CLAIM) = source;
        }
    }
    return 1;
}

void bench_tell(const uint8_t *octets, size_t count)
{
    put(CARD, octets, count);
}

uint32_t machine_count(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, mcycle" : "=r"(count));
    return count;
}

void machine_exit(int code)
{
    REGISTER(TEST) = (code == 0) ? 0x5555U : (0x3333U | ((uint32_t)code << 16U));
    for (;;) {
    }
}
