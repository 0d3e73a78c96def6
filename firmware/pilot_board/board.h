/* The pilot board: what a platform provides, and what it calls. One board an image, used from one thread.
 *
 * The platform has the converter, the PWM, the serial port, a clock and a place for one record. It does not look at what it
 * carries: levels are found, lines are read and duties are chosen in this folder and in the charts, the same on every
 * platform. A platform:
 *
 *     board_init();
 *     for (;;) {
 *         board_step();
 *         // sleep until octets or a burst are there, or until board_next_deadline_us()
 *     }
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define BOARD_BURST 256U    /* samples of a burst at most; one shows at least two periods of the PWM */
#define BOARD_RAW_MOST 4095U /* the converter has 12 bit */
#define BOARD_RECORD 48U    /* octets kept over a restart at most */
#define BOARD_HIGH 10000U   /* duty in 0.01 %: steady +12 V; 0 is steady -12 V */
#define BOARD_INPUTS 10U    /* of the converter, numbered from 1 */

/* ------------------------------------------------------------ what a platform provides */

/* Microseconds since the start; never goes back. */
int64_t platform_now_us(void);

/* The newest burst that was not given before: `count` raw samples that follow each other without a gap, the first one of
 * them taken at `began_us`. `*count` is 0 when there is none; the board asks again in the next step. */
struct board_burst {
    int64_t began_us;
    uint32_t period_ns; /* from one sample to the next: 12000 at 83,333 samples a second */
    uint16_t count;
    uint16_t raw[BOARD_BURST];
};
void platform_read_burst(struct board_burst *burst);

/* Millivolts at the converter's pin for a raw value, by the factory's calibration; never falls while `raw` grows. */
uint16_t platform_mv(uint16_t raw);

/* Millivolts at one of the converter's inputs 1 to BOARD_INPUTS now; 0 for one that is not there. */
uint16_t platform_input_mv(uint8_t input);

/* The pilot's source: duty 0 to BOARD_HIGH in 0.01 %, at 500 to 5000 Hz. Holds from the next period on. */
void platform_set_pwm(uint16_t duty, uint32_t hz);

/* Octets to the serial port. Those for which there is no room are lost: false. */
bool platform_put(const uint8_t *octets, uint16_t count);

/* Octets of the serial port, at most `most`; how many. Does not wait. `*lost`: octets were lost before these. */
uint16_t platform_get(uint8_t *octets, uint16_t most, bool *lost);

/* The record that is kept over a restart: false when there is none of this size, or it could not be kept. */
bool platform_load(uint8_t *record, uint16_t size);
bool platform_save(const uint8_t *record, uint16_t size);

/* Start anew, as after power came; the pilot is steady meanwhile. May return: on a host there is nobody to start it. */
void platform_reset(void);

/* Why the board has begun: "power", "watchdog", "reset", "panic", "brownout" or "unknown". */
const char *platform_reset_reason(void);

/* The board lives. It resets when this was not called for a second. */
void platform_feed_watchdog(void);

/* ------------------------------------------------------------ what a platform calls */

/* Everything from the beginning, with the record that is kept. The pilot is steady until the first step. */
void board_init(void);

/* What there is to do now: octets, one burst, timers that are due. Bounded: it does not wait, and one that was late catches
 * up in the next ones. */
void board_step(void);

/* When board_step has to be called again if nothing comes before: at most 5 ms from now. */
int64_t board_next_deadline_us(void);

/* 0, or the number of the assertion that has failed: the pilot is at steady -12 V, the watchdog is not fed any more and the
 * board begins anew. Those of the core are in chart.h. */
uint16_t board_fault(void);

#define BOARD_FAULT_CHART 201U /* a chart has a parameter out of its range, or a port is missing */
#define BOARD_FAULT_ORDERS 202U /* more orders of a step than there is room for */
#define BOARD_FAULT_LINE 203U   /* a line to the host has no room in its buffer */

#endif
